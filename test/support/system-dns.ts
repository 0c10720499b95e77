// Run in a network namespace of its own, whose /etc/resolv.conf names 127.0.0.1: the DNS registry over the system's own resolver.
// Takes a zone a line on standard input, prints what the registry says of the service a line.
// usage: node system-dns.mjs <service> [pollMs]
import { createInterface } from 'node:readline';
import { dnsRegistry } from '../../packages/registry/src/dns/dns-registry.ts';
import { DnsServer } from '../../packages/registry/src/testing/dns-server.ts';

const [service = '', pollMs = '50'] = process.argv.slice(2);
const server = await DnsServer.listen({}, 53);
const say = (value: object) => console.log(JSON.stringify(value));
const abort = new AbortController();
const lines = createInterface({ input: process.stdin }).on('close', () => process.exit());

async function follow(): Promise<void> {
  while (!abort.signal.aborted) {
    try {
      const registry = dnsRegistry({ pollMs: Number(pollMs) });
      for await (const update of registry.watch(service, { signal: abort.signal })) {
        const ids = update.type === 'reset' ? update.endpoints.map(({ id }) => id).sort() : [];
        const dropped = update.type === 'reset' ? update.dropped : [];
        say({ type: update.type, ids, dropped, asked: server.asked });
      }
    } catch (error) {
      say({ type: 'failed', ids: [], dropped: [], reason: (error as Error).message, asked: server.asked });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

lines.once('line', () => void follow());
lines.on('line', (line) => {
  server.zone = JSON.parse(line);
});
