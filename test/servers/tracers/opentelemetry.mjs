// Loaded before the program: registers OpenTelemetry, as its documentation says for ES modules.
import { register } from 'node:module';
import { setTimeout } from 'node:timers/promises';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { GrpcInstrumentation } from '@opentelemetry/instrumentation-grpc';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';

register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
const exporter = new InMemorySpanExporter();
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
registerInstrumentations({ instrumentations: [new GrpcInstrumentation()] });

const CLIENT = 2;

/** The client's spans since it was asked last, once there are so many: `/package.Service/Method`. */
globalThis.takeSpans = async (count) => {
  const names = () =>
    exporter
      .getFinishedSpans()
      .filter(({ kind }) => kind === CLIENT)
      .map(({ name }) => name.replace('grpc.', '/'));
  for (let i = 0; i < 100 && names().length < count; i++) await setTimeout(10);
  const taken = names();
  exporter.reset();
  return taken;
};
