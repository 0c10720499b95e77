// One provider process: a grpc-js server that announces itself in a directory, and leaves without losing a call.
// usage: node provider.mjs <registry directory> <service> [--stop-first]
// With --stop-first it stops serving before it leaves the registry, as a process does that knows of no registry.
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { fileAnnouncer, toEndpoint } from '@podwire/registry';

const [directory, service, how] = process.argv.slice(2);
const proto = fileURLToPath(new URL('orders.proto', import.meta.url));
const { Orders } = grpc.loadPackageDefinition(loadSync(proto)).demo;

// How long consumers are given to hear of a Pod that leaves.
const NOTICE_MS = 300;

let address = '';
const server = new grpc.Server();
server.addService(Orders.service, {
  // A little work, as long as a fast database takes.
  get(call, callback) {
    setTimeout(() => callback(null, { id: call.request.id, pod: address }), 2);
  },
});
const bound = await new Promise((resolve, reject) => {
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, value) => {
    if (error) reject(error);
    else resolve(value);
  });
});
address = `127.0.0.1:${bound}`;
const announcement = await fileAnnouncer(directory, { leaseMs: 2_000 }).announce(
  service,
  toEndpoint({ address }),
);
process.stdout.write(`${address}\n`);

const stop = () => new Promise((resolve) => server.tryShutdown(resolve));
process.once('SIGTERM', async () => {
  if (how === '--stop-first') {
    await stop();
    await announcement.withdraw();
  } else {
    await announcement.withdraw();
    await new Promise((resolve) => setTimeout(resolve, NOTICE_MS));
    await stop();
  }
  process.exit(0);
});
// The parent is gone: nobody is left to stop this process.
process.once('disconnect', () => process.exit(0));
