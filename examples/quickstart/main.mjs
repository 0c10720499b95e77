// Three providers in this process, a channel over them, and a client that a generator would make.
import { fileURLToPath } from 'node:url';
import { credentials, loadPackageDefinition, Server, ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { channelFactory, createChannel } from 'podwire';

const proto = fileURLToPath(new URL('../demo/orders.proto', import.meta.url));
const { Orders } = loadPackageDefinition(loadSync(proto)).demo;

function startProvider() {
  const server = new Server();
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error) return reject(error);
      const pod = `127.0.0.1:${port}`;
      server.addService(Orders.service, {
        get: ({ request }, callback) => callback(null, { id: request.id, pod }),
      });
      resolve({ server, pod });
    });
  });
}

const providers = await Promise.all([startProvider(), startProvider(), startProvider()]);

// In a cluster: dns:///orders.prod.svc.cluster.local:50051, kubernetes:///orders.prod or nacos:///orders.
const channel = createChannel(`static:///${providers.map(({ pod }) => pod).join(',')}`, {
  policy: 'round_robin',
});
await channel.ready({ timeoutMs: 5_000 });
const orders = new Orders('orders', credentials.createInsecure(), {
  channelFactoryOverride: channelFactory(channel),
});

for (let id = 1; id <= 6; id++) {
  const order = await new Promise((resolve, reject) => {
    orders.get({ id: String(id) }, { deadline: Date.now() + 1_000 }, (error, reply) =>
      error ? reject(error) : resolve(reply),
    );
  });
  console.log(`order ${order.id} was answered by ${order.pod}`);
}
for (const { id, state, calls } of channel.snapshot().pods) console.log(`${id} is ${state}, ${calls} calls`);

await channel.close();
for (const { server } of providers) server.forceShutdown();
