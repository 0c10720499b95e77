import { describe, expect, test } from 'vitest';
import { DnsServer, type DnsZone, type Misbehaviour } from '../testing/dns-server.ts';
import { Followed, until } from '../testing/follow.ts';
import { dnsRegistry } from './dns-registry.ts';

const V4 = ['10.0.0.1', '10.0.0.2'];
const V6 = ['fd00::1', 'fd00::2'];
const IDS = { A: V4.map((ip) => `${ip}:1`), AAAA: V6.map((ip) => `[${ip}]:1`) };
const NAMES = { A: 'IPv4', AAAA: 'IPv6' } as const;

/** A service with Pods of both families, as a plain name and behind an SRV record. */
const SERVICES = [
  ['a plain name', 'orders.test:1', 'orders.test', {}],
  [
    'a host of an SRV record',
    '_grpc._tcp.test',
    'pod.test',
    { '_grpc._tcp.test': { srv: [{ name: 'pod.test', port: 1, priority: 0, weight: 0 }] } },
  ],
] as const;

const MISBEHAVIOURS: readonly Misbehaviour[] = ['SERVFAIL', 'REFUSED', 'silent'];
const CASES = SERVICES.flatMap((service) =>
  MISBEHAVIOURS.flatMap((how) =>
    (['a', 'aaaa'] as const).map((type) => ({ of: service[0], how, type, service })),
  ),
);

describe.each(CASES)('of $of, when $type is answered with $how', ({ how, type, service }) => {
  const [, target, host, rest] = service;
  const failing = type === 'a' ? 'A' : 'AAAA';
  const other = type === 'a' ? 'AAAA' : 'A';
  const dropped = (watch: Followed) => (watch.last?.type === 'reset' ? watch.last.dropped : undefined);

  async function follow(zone: DnsZone, body: (server: DnsServer, watch: Followed) => Promise<void>) {
    const server = await DnsServer.listen(zone);
    const watch = new Followed(dnsRegistry({ servers: [server.address], pollMs: 10, timeoutMs: 50 }), target);
    try {
      await body(server, watch);
    } finally {
      await watch.close();
      await server.close();
    }
  }

  test('that family keeps its addresses and is named, and the other goes on', async () => {
    const zone = { ...rest, [host]: { addresses: [...V4, ...V6] } };
    await follow(zone, async (server, watch) => {
      await until(() => watch.ids.length === 4, 'all Pods');
      expect(dropped(watch)).toEqual([]);
      const added = other === 'A' ? '10.0.0.3' : 'fd00::3';
      const left = [...V4, ...V6, added].filter((ip) => ip !== '10.0.0.1' && ip !== 'fd00::1');
      server.zone = { ...rest, [host]: { addresses: left, fails: { [type]: how } } };
      await until(() => dropped(watch)?.length === 1, 'the failure');
      expect(dropped(watch)).toEqual([
        expect.stringMatching(
          `^dns\\.${host}: cannot be asked for ${NAMES[failing]} addresses \\(.+\\): those known last stay in use$`,
        ),
      ]);
      const now = [IDS[other][1], other === 'A' ? '10.0.0.3:1' : '[fd00::3]:1', ...IDS[failing]];
      expect(watch.ids).toEqual(now.sort());
      server.zone = { ...rest, [host]: { addresses: left } };
      await until(() => watch.ids.length === 3 && dropped(watch)?.length === 0, 'the end of the failure');
    });
  });

  test('of a name that is new, the other family is used and the failure named', async () => {
    const zone = { ...rest, [host]: { addresses: [...V4, ...V6], fails: { [type]: how } } };
    await follow(zone, async (_server, watch) => {
      await until(() => watch.last !== undefined, 'an answer');
      expect(watch.ids).toEqual(IDS[other]);
      expect(dropped(watch)).toEqual([
        expect.stringMatching(`^dns\\.${host}: cannot be asked for ${NAMES[failing]} addresses`),
      ]);
    });
  });

  test('and there is no other family, it is a failure, not the end of all Pods', async () => {
    const only = { A: V4, AAAA: V6 }[failing];
    await follow({ ...rest, [host]: { addresses: only } }, async (server, watch) => {
      await until(() => watch.ids.length === 2, 'all Pods');
      server.zone = { ...rest, [host]: { addresses: only, fails: { [type]: how } } };
      await until(() => watch.ended, 'the failure');
      expect(String(watch.error)).toContain('DNS could not be asked for');
      expect(watch.ids).toEqual(IDS[failing]);
    });
  });
});

test('a family whose last record is gone leaves', async () => {
  const server = await DnsServer.listen({ 'orders.test': { addresses: [...V4, ...V6] } });
  const watch = new Followed(dnsRegistry({ servers: [server.address], pollMs: 10 }), 'orders.test:1');
  await until(() => watch.ids.length === 4, 'all Pods');
  server.zone = { 'orders.test': { addresses: V6 } };
  await until(() => watch.ids.length === 2, 'the IPv6 Pods alone');
  expect(watch.ids).toEqual(IDS.AAAA);
  await watch.close();
  await server.close();
});

test('hosts of an SRV record of which one cannot be asked and the others are gone are a failure', async () => {
  const srv = ['a', 'b'].map((name) => ({ name: `${name}.test`, port: 1, priority: 0, weight: 0 }));
  const zone = { '_grpc._tcp.test': { srv } };
  const server = await DnsServer.listen({ ...zone, 'b.test': 'SERVFAIL' });
  const watch = new Followed(dnsRegistry({ servers: [server.address], pollMs: 10 }), '_grpc._tcp.test');
  await until(() => watch.ended, 'the failure');
  expect(watch.updates).toEqual([]);
  await server.close();
});

test('an SRV record with the host "." says that there is no such service', async () => {
  const srv = [{ name: '', port: 1, priority: 0, weight: 0 }];
  const server = await DnsServer.listen({ '_grpc._tcp.test': { srv } });
  const watch = new Followed(dnsRegistry({ servers: [server.address], pollMs: 10 }), '_grpc._tcp.test');
  await until(() => watch.last !== undefined, 'an answer');
  expect(watch.last).toMatchObject({ type: 'missing' });
  await watch.close();
  await server.close();
});
