// One provider process: a grpc-js server that announces itself in a directory, and leaves without losing a call.
// usage: node leasing-provider.mjs <registry directory> <service> [--stop-first]
// With --stop-first it stops serving before it leaves the registry, as a process does that knows of no registry.
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { serve } from '@podwire/provider';
import { fileAnnouncer } from '@podwire/registry';

const [directory, service, how] = process.argv.slice(2);
const proto = fileURLToPath(new URL('../../examples/demo/orders.proto', import.meta.url));
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
const provider = await serve(server, {
  address: '127.0.0.1:0',
  credentials: grpc.ServerCredentials.createInsecure(),
  registry: fileAnnouncer(directory, { leaseMs: 2_000 }),
  service,
  noticeMs: NOTICE_MS,
  signals: how === '--stop-first' ? [] : ['SIGTERM'],
});
address = provider.address;
process.stdout.write(`${address}\n`);

if (how === '--stop-first') {
  process.once('SIGTERM', async () => {
    await new Promise((resolve) => server.tryShutdown(resolve));
    await Promise.all(provider.presences.map((presence) => presence.withdraw()));
    process.exit(0);
  });
}
// The parent is gone, so no process is left to stop this one.
process.once('disconnect', () => process.exit(0));
