// Many clients of one service in one process, as an application that makes a channel wherever it needs one.
// usage: node nacos-clients.mjs <host:port of Nacos> <service> <how many>
import { nacos } from '@podwire/registry-nacos';
import { createChannel } from 'podwire';

const [server, service, count] = process.argv.slice(2);
const channels = Array.from({ length: Number(count) }, () =>
  createChannel(`nacos:///${service}`, { registries: [nacos({ servers: [server] })] }),
);
await Promise.all(channels.map((channel) => channel.ready({ timeoutMs: 30_000 })));
process.stdout.write('ready\n');
// Clients keep no process alive by themselves; the parent ends this one.
process.once('disconnect', () => process.exit(0));
process.once('message', async () => {
  await Promise.all(channels.map((channel) => channel.close({ graceMs: 0 })));
  process.send('closed');
});
