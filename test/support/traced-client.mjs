// Makes the same calls by grpc-js's client and by createClient; prints the spans that a tracer made of each.
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { createChannel, createClient } from 'podwire';

const path = fileURLToPath(new URL('../proto/orders.proto', import.meta.url));
const { Orders } = grpc.loadPackageDefinition(loadSync(path)).podwire.test;
const server = new grpc.Server();
server.addService(Orders.service, {
  Get: (_call, reply) => reply(null, {}),
  Collect: (call, reply) => call.resume().on('end', () => reply(null, {})),
  List: (call) => call.end(),
  Chat: (call) => call.resume().on('end', () => call.end()),
});
const port = await new Promise((resolve, reject) =>
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
    error ? reject(error) : resolve(bound),
  ),
);
const channel = createChannel(`static:///127.0.0.1:${port}`);

async function callEach(client) {
  await new Promise((resolve) => client.get({}, resolve));
  await new Promise((resolve) => client.collect(resolve).end());
  await once(client.list({}).resume(), 'end');
  const chat = client.chat().resume();
  chat.end();
  await once(chat, 'end');
  return globalThis.takeSpans(4);
}

const plain = new Orders('', grpc.credentials.createInsecure(), { channelOverride: channel });
const spans = { plain: await callEach(plain), short: await callEach(createClient(Orders, channel)) };
process.stdout.write(JSON.stringify(spans));
await channel.close({ graceMs: 0 });
server.forceShutdown();
// dd-trace goes on by itself.
process.exit();
