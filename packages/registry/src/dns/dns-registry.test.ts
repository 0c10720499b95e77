import { systemClock, systemRandom } from '@podwire/core';
import { expect, it } from 'vitest';
import { type EndpointInput, toEndpoint } from '../endpoint.ts';
import { openTarget } from '../open-target.ts';
import { DnsServer, type DnsZone } from '../testing/dns-server.ts';
import { Followed, until } from '../testing/follow.ts';
import { type RegistryFixture, registryConformance } from '../testing/registry-conformance.ts';
import { dnsRegistry } from './dns-registry.ts';

const INITIAL: EndpointInput[] = [{ address: '10.0.0.1:50051' }, { address: '[fd00::1]:50051' }];
const SRV = { priority: 1, weight: 0 };

async function openAddresses(): Promise<RegistryFixture> {
  const server = await DnsServer.listen({});
  const change = async (endpoints: readonly EndpointInput[]) => {
    server.zone = { 'orders.test': { addresses: endpoints.map((input) => toEndpoint(input).host) } };
  };
  await change(INITIAL);
  const registry = dnsRegistry({ servers: [server.address], pollMs: 10, timeoutMs: 100 });
  const fail = async () => {
    server.zone = { 'orders.test': 'SERVFAIL' };
  };
  const service = 'orders.test:50051';
  return {
    registry,
    service,
    initial: INITIAL,
    change,
    unknown: 'users.test',
    fail,
    close: () => server.close(),
  };
}

it('takes a time limit beyond those that a timer can hold', async () => {
  const server = await DnsServer.listen({ 'orders.test': { addresses: ['10.0.0.1'] } });
  const watch = new Followed(
    dnsRegistry({ servers: [server.address], timeoutMs: 2 ** 40 + 0.5 }),
    'orders.test:1',
  );
  await until(() => watch.ids.length > 0, 'the Pod');
  await watch.close();
  await server.close();
});

async function openSrv(): Promise<RegistryFixture> {
  const server = await DnsServer.listen({});
  const change = async (inputs: readonly EndpointInput[]) => {
    const endpoints = inputs.map((input) => toEndpoint(input));
    const zone: DnsZone = Object.fromEntries(
      endpoints.map(({ host }, i) => [`pod-${i}.test`, { addresses: [host] }]),
    );
    const srv = endpoints.map(({ port, weight }, i) => ({ ...SRV, weight, port, name: `pod-${i}.test` }));
    server.zone = { ...zone, '_grpc._tcp.orders.test': { srv } };
  };
  await change(INITIAL);
  const servers = [server.address];
  const registry = dnsRegistry({ servers, pollMs: 10, timeoutMs: 100 });
  const fail = async () => {
    server.zone = { '_grpc._tcp.orders.test': 'silent' };
  };
  return {
    registry,
    service: '_grpc._tcp.orders.test',
    initial: INITIAL,
    change,
    says: ['weight'],
    unknown: '_grpc._tcp.users.test',
    fail,
    close: () => server.close(),
  };
}

for (const { name, run } of registryConformance) {
  it(`addresses: ${name}`, () => run(openAddresses));
  it(`SRV: ${name}`, () => run(openSrv));
}

async function withServer(zone: DnsZone, body: (server: DnsServer) => Promise<void>) {
  const server = await DnsServer.listen(zone);
  try {
    await body(server);
  } finally {
    await server.close();
  }
}

const follow = (server: DnsServer, service: string, options = {}) =>
  new Followed(dnsRegistry({ servers: [server.address], pollMs: 10, timeoutMs: 100, ...options }), service);

it('uses the hosts of the lowest priority, with their ports and weights', async () => {
  const srv = [
    { priority: 1, weight: 30, port: 1, name: 'a.test' },
    { priority: 1, weight: 0, port: 2, name: 'b.test' },
    { priority: 2, weight: 99, port: 3, name: 'c.test' },
  ];
  const hosts = {
    'a.test': { addresses: ['10.0.0.1', 'fd00::1'] },
    'b.test': { addresses: ['10.0.0.2'] },
    'c.test': { addresses: ['10.0.0.3'] },
  };
  await withServer({ '_grpc._tcp.test': { srv }, ...hosts }, async (server) => {
    const watch = follow(server, '_grpc._tcp.test');
    await until(() => watch.last !== undefined, 'an answer');
    expect([...watch.endpoints.list].map(({ id, weight }) => [id, weight])).toEqual([
      ['10.0.0.1:1', 30],
      ['[fd00::1]:1', 30],
      ['10.0.0.2:2', 0.01],
    ]);
    await watch.close();
  });
});

it('does not lose the Pods of an SRV record because one host is gone or cannot be asked', async () => {
  const srv = ['a', 'b', 'c'].map((name) => ({ ...SRV, port: 1, name: `${name}.test` }));
  const zone: DnsZone = {
    '_grpc._tcp.test': { srv },
    'a.test': { addresses: ['10.0.0.1'] },
    'b.test': { addresses: ['10.0.0.2'] },
  };
  await withServer(zone, async (server) => {
    const watch = follow(server, '_grpc._tcp.test');
    const dropped = () => (watch.last?.type === 'reset' ? watch.last.dropped : undefined);
    await until(() => watch.last !== undefined, 'an answer');
    expect(watch.ids).toEqual(['10.0.0.1:1', '10.0.0.2:1']);
    expect(dropped()).toEqual(['dns.c.test: has no address']);
    server.zone = { ...zone, 'b.test': 'SERVFAIL' };
    await until(() => dropped()?.length === 2, 'the failure of b');
    expect(watch.ids).toEqual(['10.0.0.1:1', '10.0.0.2:1']);
    server.zone = {
      '_grpc._tcp.test': { srv },
      'a.test': 'SERVFAIL',
      'b.test': 'SERVFAIL',
      'c.test': 'SERVFAIL',
    };
    await until(() => watch.ended, 'the end of the watch');
    expect(watch.error).toMatchObject({ message: expect.stringContaining('_grpc._tcp.test') });
    expect(watch.ids).toEqual(['10.0.0.1:1', '10.0.0.2:1']);
  });
});

it('tells "no such name" from a server that fails or is silent', async () => {
  await withServer(
    { 'broken.test': 'SERVFAIL', 'silent.test': 'silent', 'empty.test': {} },
    async (server) => {
      for (const name of ['unknown.test', 'empty.test']) {
        const missing = follow(server, `${name}:1`);
        await until(() => missing.last !== undefined, 'an answer');
        expect(missing.last).toEqual({ type: 'missing', reason: `DNS has no address for ${name}` });
        await missing.close();
      }
      for (const name of ['broken.test', 'silent.test']) {
        const failed = follow(server, `${name}:1`);
        await until(() => failed.ended, 'the failure');
        expect(String(failed.error)).toContain(`DNS could not be asked for ${name}`);
        expect(failed.updates).toEqual([]);
      }
    },
  );
});

it('takes one family where it is told to', async () => {
  await withServer({ 'orders.test': { addresses: ['10.0.0.1', 'fd00::1'] } }, async (server) => {
    for (const [family, id] of [
      [4, '10.0.0.1:1'],
      [6, '[fd00::1]:1'],
    ] as const) {
      const watch = follow(server, 'orders.test:1', { family });
      await until(() => watch.last !== undefined, 'an answer');
      expect(watch.ids).toEqual([id]);
      await watch.close();
    }
  });
});

it('ends a question that is under way when the watch ends', async () => {
  await withServer({ 'silent.test': 'silent' }, async (server) => {
    const watch = follow(server, 'silent.test:1', { timeoutMs: 60_000 });
    await until(() => server.asked.length === 2, 'the questions');
    await watch.close();
    expect(watch.error).toBeUndefined();
    await until(
      () => !process.getActiveResourcesInfo().some((name) => name.startsWith('Query')),
      'the end of the questions',
    );
  });
});

it('asks the server that a target names', async () => {
  await withServer({ 'orders.test': { addresses: ['10.0.0.1'] } }, async (server) => {
    const env = { clock: systemClock, random: systemRandom };
    const { registry, service } = openTarget(`dns://${server.address}/orders.test:50051`, env);
    const watch = new Followed(registry, service);
    await until(() => watch.last !== undefined, 'an answer');
    expect(watch.ids).toEqual(['10.0.0.1:50051']);
    await watch.close();
  });
});

it('resolves as the system does without a server', async () => {
  const watch = new Followed(dnsRegistry(), 'localhost:50051');
  await until(() => watch.last !== undefined || watch.ended, 'an answer');
  expect(watch.ids.every((id) => id === '127.0.0.1:50051' || id === '[::1]:50051')).toBe(true);
  expect(watch.ids.length).toBeGreaterThan(0);
  await watch.close();
});

it('knows the hosts of SRV records from before an outage, when some cannot be asked yet', async () => {
  const server = await DnsServer.listen({});
  const srv = [0, 1, 2].map((i) => ({ ...SRV, port: 50051, name: `pod-${i}.test` }));
  const pods = Object.fromEntries(srv.map(({ name }, i) => [name, { addresses: [`10.0.0.${i}`] }]));
  const service = '_grpc._tcp.orders.test';
  const registry = dnsRegistry({ servers: [server.address], pollMs: 10, timeoutMs: 100 });
  server.zone = { ...pods, [service]: { srv } };
  const before = new Followed(registry, service);
  await until(() => before.ids.length === 3, 'all Pods');
  server.zone = { [service]: 'SERVFAIL' };
  await until(() => before.ended, 'the outage');
  server.zone = { ...pods, 'pod-2.test': 'SERVFAIL', [service]: { srv } };
  const after = new Followed(registry, service);
  await until(() => after.updates.length > 0, 'the end of the outage');
  expect(after.last).toMatchObject({ dropped: [expect.stringContaining('dns.pod-2.test: ')] });
  expect(after.ids).toEqual(['10.0.0.0:50051', '10.0.0.1:50051', '10.0.0.2:50051']);
  await after.close();
  await server.close();
});
