import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { until } from './until.ts';

/** The generated client of the demo's providers. */
export interface DemoClient {
  get(
    order: { id: string },
    callback: (error: grpc.ServiceError | null, order?: { pod: string }) => void,
  ): void;
}

const path = fileURLToPath(new URL('../../examples/demo/orders.proto', import.meta.url));
const { demo } = grpc.loadPackageDefinition(loadSync(path)) as unknown as {
  demo: { Orders: grpc.ServiceClientConstructor };
};

export function demoClient(channel: grpc.Channel): DemoClient {
  const credentials = grpc.credentials.createInsecure();
  return new demo.Orders('orders', credentials, { channelOverride: channel }) as unknown as DemoClient;
}

/** Makes one call; resolves with the Pod that answered. */
export function call(client: DemoClient): Promise<string> {
  return new Promise((resolve, reject) => {
    client.get({ id: '1' }, (error, order) => (error ? reject(error) : resolve(order!.pod)));
  });
}

/** Calls at an even rate, whatever becomes of those before. */
export interface OpenLoad {
  readonly done: number;
  /** Calls that each Pod answered. */
  readonly byPod: ReadonlyMap<string, number>;
  stop(): Promise<string[]>;
}

export function startOpenLoad(
  client: DemoClient,
  callsPerSecond: number,
  onFailure: () => void = () => {},
): OpenLoad {
  const byPod = new Map<string, number>();
  const failures: string[] = [];
  let sent = 0;
  let done = 0;
  const startedMs = performance.now();
  const send = () => {
    const due = Math.floor(((performance.now() - startedMs) * callsPerSecond) / 1_000);
    for (; sent < due; sent++) {
      client.get({ id: String(sent) }, (error, order) => {
        done += 1;
        if (error !== null) {
          failures.push(error.message);
          onFailure();
        } else byPod.set(order!.pod, (byPod.get(order!.pod) ?? 0) + 1);
      });
    }
  };
  const timer = setInterval(send, 5);
  return {
    byPod,
    get done() {
      return done;
    },
    async stop() {
      clearInterval(timer);
      await until(() => done === sent);
      return failures;
    },
  };
}
