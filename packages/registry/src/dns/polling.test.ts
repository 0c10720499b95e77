import { settle, VirtualClock } from '@podwire/core/testing';
import { expect, it } from 'vitest';
import { Followed, until } from '../testing/follow.ts';
import { Watched } from '../testing/watched.ts';
import { dnsRegistry } from './dns-registry.ts';
import { parseName } from './name.ts';
import type { DnsResolver } from './resolver.ts';

/** A resolver that answers what a test sets, and notes when it was asked. */
function scripted(clock: VirtualClock, answer: () => Promise<string[]>) {
  const askedMs: number[] = [];
  const resolver: DnsResolver = {
    addresses: () => {
      askedMs.push(clock.nowMs());
      return answer();
    },
    srv: async () => [],
  };
  return { resolver, askedMs };
}

const watchOrders = (resolver: DnsResolver, clock: VirtualClock) =>
  new Watched(dnsRegistry({ resolver, clock, random: () => 0.5 }), { clock });

const gaps = (timesMs: readonly number[]) => timesMs.slice(1).map((timeMs, i) => timeMs - timesMs[i]!);

it('asks every 5 s, give or take a fifth', async () => {
  for (const [random, gap] of [
    [0, 4_000],
    [0.5, 5_000],
    [0.999, 5_998],
  ] as const) {
    const clock = new VirtualClock();
    const { resolver, askedMs } = scripted(clock, async () => ['10.0.0.1']);
    const registry = dnsRegistry({ resolver, clock, random: () => random });
    const abort = new AbortController();
    const watch = registry.watch('orders:1', { signal: abort.signal })[Symbol.asyncIterator]();
    await watch.next();
    void watch.next();
    await clock.advance(20_000);
    expect(gaps(askedMs).map(Math.round)).toEqual(Array(gaps(askedMs).length).fill(gap));
    expect(askedMs.length).toBeGreaterThan(3);
    abort.abort();
    await settle();
    expect(clock.pending).toBe(0);
  }
});

it('asks again when a Pod died, once a second at most', async () => {
  const clock = new VirtualClock();
  let addresses = ['10.0.0.1', '10.0.0.2'];
  const { resolver, askedMs } = scripted(clock, async () => addresses);
  const watched = watchOrders(resolver, clock);
  await watched.settle();
  await clock.advance(2_000);
  addresses = ['10.0.0.2', '10.0.0.3'];
  watched.watch.recheck();
  watched.watch.recheck();
  await watched.settle();
  expect(watched.ids).toEqual(['10.0.0.2:443', '10.0.0.3:443']);
  watched.watch.recheck();
  await clock.advance(900);
  expect(askedMs).toHaveLength(2);
  await clock.advance(100);
  expect(askedMs).toHaveLength(3);
  watched.watch.close();
});

it('gives up an answer that does not come', async () => {
  const clock = new VirtualClock();
  const { resolver } = scripted(clock, () => new Promise(() => {}));
  const watched = watchOrders(resolver, clock);
  await clock.advance(20_100);
  expect(watched.statuses.map(({ lastError }) => lastError)).toContain(
    'DNS could not be asked for orders: DNS did not answer for orders within 20000 ms',
  );
  watched.watch.close();
  await settle();
  expect(clock.pending).toBe(0);
});

it('asks for a bounded number of the hosts of an SRV record at a time', async () => {
  const clock = new VirtualClock();
  let open = 0;
  let most = 0;
  const resolver: DnsResolver = {
    async addresses(host) {
      open += 1;
      most = Math.max(most, open);
      await settle();
      open -= 1;
      return [`10.0.0.${host}`];
    },
    srv: async () =>
      Array.from({ length: 40 }, (_, i) => ({ name: String(i), port: 1, priority: 0, weight: 1 })),
  };
  const followed = new Followed(dnsRegistry({ resolver, clock }), '_grpc._tcp.orders');
  await until(() => followed.ids.length === 40, 'all hosts', settle);
  expect(most).toBe(16);
  await followed.close();
});

it('uses a bounded number of records, and drops those that are no address', async () => {
  const clock = new VirtualClock();
  const many = Array.from({ length: 10_002 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  const { resolver } = scripted(clock, async () => ['!no address', ...many]);
  const watched = watchOrders(resolver, clock);
  await watched.settle();
  expect(watched.ids).toHaveLength(10_000);
  expect(watched.watch.status.dropped).toEqual([
    'dns.host: "!no address" must be an IP address or a DNS name',
    'dns: more than 10000 records, the rest is not used',
  ]);
  watched.watch.close();
});

it.each([
  ['orders.prod.svc:50051', { kind: 'address', host: 'orders.prod.svc', port: 50_051 }],
  ['orders.prod.svc.', { kind: 'address', host: 'orders.prod.svc.', port: 443 }],
  ['10.0.0.1:80', { kind: 'address', host: '10.0.0.1', port: 80 }],
  ['[fd00::1]:80', { kind: 'address', host: 'fd00::1', port: 80 }],
  ['fd00::1', { kind: 'address', host: 'fd00::1', port: 443 }],
  ['_grpc._tcp.orders.prod', { kind: 'srv', name: '_grpc._tcp.orders.prod' }],
])('%s is a name', (text, name) => {
  expect(parseName(text)).toEqual(name);
});

it.each([
  '',
  'a b:1',
  'orders:http',
  'orders:0',
  '_grpc._tcp.orders:50051',
  '_grpc..orders',
  `_${'a.'.repeat(200)}a`,
])('%j is none', (text) => expect(() => parseName(text)).toThrow('target: '));

it.each([
  [{ polMs: 1 }, "options.polMs is unknown; did you mean 'pollMs'?"],
  [{ pollMs: 1 }, 'options.pollMs: 1 must be 10 or more'],
  [{ timeoutMs: Number.NaN }, 'options.timeoutMs: NaN must be 1 or more'],
  [{ family: 5 }, "options.family: 5 must be 4, 6 or 'any'"],
  [{ servers: ['dns.test'] }, 'options.servers: ["dns.test"] must be IP addresses'],
  [{ defaultPort: 70_000 }, 'must be a port'],
])('%j is refused', (options, message) => {
  expect(() => dnsRegistry(options as object)).toThrow(message);
});
