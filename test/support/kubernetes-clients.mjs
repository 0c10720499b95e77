// Many channels of one process, each with a registry of its own. usage: node kubernetes-clients.mjs <service-account dir> <count>
// Prints `ready <Pods that all know>`, again when that changes, until its input ends.
import { kubernetes } from '@podwire/registry-kubernetes';
import { createChannel } from 'podwire';

const [serviceAccountDir, count] = process.argv.slice(2);
const channels = Array.from({ length: Number(count) }, () =>
  createChannel('kubernetes:///orders.prod:grpc', { registries: [kubernetes({ serviceAccountDir })] }),
);
await Promise.all(channels.map((channel) => channel.ready()));

let said = '';
const tell = () => {
  const pods = Math.min(...channels.map((channel) => channel.snapshot().pods.length));
  const line = `ready ${pods}\n`;
  if (line !== said) process.stdout.write(line);
  said = line;
};
tell();
const timer = setInterval(tell, 50);
process.stdin.resume().once('end', async () => {
  clearInterval(timer);
  await Promise.all(channels.map((channel) => channel.close()));
});
