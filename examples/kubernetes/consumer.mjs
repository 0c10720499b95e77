// A consumer in a Pod: finds the Pods of the Service `orders` in its own namespace, with its own account, and calls them.
import { fileURLToPath } from 'node:url';
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { kubernetes } from '@podwire/registry-kubernetes';
import { channelFactory, createChannel } from 'podwire';

const proto = fileURLToPath(new URL('orders.proto', import.meta.url));
const { Orders } = loadPackageDefinition(loadSync(proto)).demo;

const channel = createChannel('kubernetes:///orders:grpc', { registries: [kubernetes()] });
const orders = new Orders('', credentials.createInsecure(), {
  channelFactoryOverride: channelFactory(channel),
});
const timer = setInterval(() => {
  orders.get({ id: '1' }, (error, order) => console.log(error ? error.message : `answered by ${order.pod}`));
}, 1_000);

process.once('SIGTERM', async () => {
  clearInterval(timer);
  await channel.close({ graceMs: 5_000 });
});

await channel.ready();
console.log('ready');
