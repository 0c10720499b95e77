// One provider process: a grpc-js server that podwire announces in Nacos, and that leaves without losing a call.
// usage: node nacos-provider.mjs <host:port of Nacos> <service>
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { serve } from '@podwire/provider';
import { nacos } from '@podwire/registry-nacos';

const [server, service] = process.argv.slice(2);
const proto = fileURLToPath(new URL('../../examples/demo/orders.proto', import.meta.url));
const { Orders } = grpc.loadPackageDefinition(loadSync(proto)).demo;

let address = '';
const orders = new grpc.Server();
orders.addService(Orders.service, {
  get: (call, callback) => callback(null, { id: call.request.id, pod: address }),
});
const provider = await serve(orders, {
  address: '127.0.0.1:0',
  credentials: grpc.ServerCredentials.createInsecure(),
  registry: nacos({ servers: [server] }),
  service,
  noticeMs: 1_000,
});
address = provider.address;
process.stdout.write(`${address}\n`);
// The parent is gone, so no process is left to stop this one.
process.once('disconnect', () => process.exit(0));
