// One Pod: a grpc-js server that leaves without losing a call.
// usage: node provider.mjs <where to listen> <its name in replies>
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { serve } from '@podwire/provider';

const [address, pod] = process.argv.slice(2);
const proto = fileURLToPath(new URL('orders.proto', import.meta.url));
const { Orders } = grpc.loadPackageDefinition(loadSync(proto)).demo;

// How long it serves on after SIGTERM. A Pod in Kubernetes would take some seconds, for kube-proxy and slow readers of DNS.
const NOTICE_MS = 300;

const server = new grpc.Server();
server.addService(Orders.service, {
  // A little work, as long as a fast database takes.
  get(call, callback) {
    setTimeout(() => callback(null, { id: call.request.id, pod }), 2);
  },
});
await serve(server, {
  address,
  credentials: grpc.ServerCredentials.createInsecure(),
  noticeMs: NOTICE_MS,
});
process.stdout.write(`${address}\n`);
// The parent is gone, so no process is left to stop this one.
process.once('disconnect', () => process.exit(0));
