// Announces a Pod over HTTP, finds it, and ends by itself: when its parent says so, after closing; or at once when nothing is
// to be announced, since what only watches keeps no process alive.
// usage: node nacos-http-client.mjs <host:port of Nacos> <service> <announce | watch>
import { toEndpoint } from '@podwire/registry';
import { nacos } from '@podwire/registry-nacos';

const [server, service, what] = process.argv.slice(2);
const registry = nacos({ servers: [server], protocol: 'http', username: 'nacos', password: 'nacos' });
const stop = new AbortController();
if (what === 'announce') {
  await registry.announce(service, toEndpoint({ address: '127.0.0.1:1' }));
  process.once('message', async () => {
    await registry.close();
    stop.abort();
    process.disconnect();
  });
} else {
  process.disconnect();
}
// Requests of a watch do not hold the process: this does, until the first list is there.
const hold = setTimeout(() => {}, 30_000);
for await (const update of registry.watch(service, { signal: stop.signal })) {
  clearTimeout(hold);
  process.stdout.write(`${JSON.stringify(update)}\n`);
}
