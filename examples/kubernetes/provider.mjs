// A provider that Kubernetes lists: it announces itself nowhere, tells its health, and ends its calls when it is told to leave.
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { loadPackageDefinition, Server, ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { serve } from '@podwire/provider';

const proto = fileURLToPath(new URL('orders.proto', import.meta.url));
const { Orders } = loadPackageDefinition(loadSync(proto)).demo;
const pod = process.env.POD_NAME ?? hostname();

const server = new Server();
server.addService(Orders.service, {
  // A little work, as long as a fast database takes.
  get: ({ request }, callback) => setTimeout(() => callback(null, { id: request.id, pod }), 2),
});
await serve(server, {
  address: process.env.LISTEN ?? '0.0.0.0:50051',
  credentials: ServerCredentials.createInsecure(),
  // preStop in provider.yaml has waited for the consumers already.
  noticeMs: 0,
  graceMs: 20_000,
});
console.log(`${pod} serves`);
