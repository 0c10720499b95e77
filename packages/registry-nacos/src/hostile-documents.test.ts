import assert from 'node:assert/strict';
import { ownHttp2Transport } from '@podwire/http2';
import { sameEndpoint, toEndpoint } from '@podwire/registry';
import { Followed, until } from '@podwire/registry/testing';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { nacos } from './nacos.ts';
import { readOptions } from './options.ts';
import { decodePayload, encodePayload } from './rpc/payload.ts';
import { parseServiceRef } from './service-ref.ts';
import { FakeNacos, host } from './testing/fake-nacos.ts';
import { toUpdate } from './watch.ts';

/** fast-check names the seed of a failure; `PODWIRE_SEED` replays it. */
const replay = process.env.PODWIRE_SEED === undefined ? {} : { seed: Number(process.env.PODWIRE_SEED) };
const GOOD = '10.0.0.9:9';

/** A list as Nacos 2.3 and 3.1 push it. */
const serviceInfo = () => ({
  name: 'orders',
  groupName: 'DEFAULT_GROUP',
  clusters: '',
  cacheMillis: 10_000,
  hosts: [1, 2, 3].map((port) =>
    host(port, {
      instanceId: `10.0.0.1#${port}#DEFAULT#DEFAULT_GROUP@@orders`,
      metadata: { zone: 'a', version: '1', 'dubbo.endpoints': '[{"port":20000,"protocol":"tri"}]' },
      instanceHeartBeatInterval: 5_000,
      instanceHeartBeatTimeOut: 15_000,
      ipDeleteTimeout: 30_000,
      instanceIdGenerator: 'simple',
    }),
  ),
  lastRefTime: 1_700_000_000_000,
  checksum: '',
  allIPs: false,
  reachProtectionThreshold: false,
  valid: true,
});

interface Mutation {
  /** Picks a place, level by level. */
  readonly path: readonly number[];
  readonly how: 'replace' | 'remove' | 'stringify' | 'wrap' | 'nest' | 'add';
  readonly value: unknown;
}

const odd = fc.constantFrom<unknown>(
  ...[null, true, '', '80', 'NaN', -1, 0, 0.5, 65_536, 1e308, -1e308, 2 ** 53, '\u0000', '__proto__'],
  ...[
    [],
    {},
    { toString: 1, valueOf: 2 },
    JSON.parse('{"__proto__":{"ip":"10.0.0.66"}}'),
    'x'.repeat(70_000),
  ],
);
const mutations = fc.array(
  fc.record<Mutation>({
    path: fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }),
    how: fc.constantFrom('replace', 'remove', 'stringify', 'wrap', 'nest', 'add'),
    value: fc.oneof({ weight: 3, arbitrary: odd }, fc.jsonValue()),
  }),
  { minLength: 1, maxLength: 4 },
);

/** As JSON has it, where `__proto__` is a name like any other. */
const put = (at: object, key: string, value: unknown) =>
  Object.defineProperty(at, key, { value, enumerable: true, configurable: true, writable: true });

function mutate(document: object, { path, how, value: shared }: Mutation): void {
  const value: unknown = JSON.parse(JSON.stringify(shared));
  let at = document as Record<string, unknown>;
  for (const [depth, step] of path.entries()) {
    const keys = Object.keys(at);
    const key = keys[step % keys.length];
    if (key === undefined) return;
    const next = at[key];
    if (depth < path.length - 1 && typeof next === 'object' && next !== null) {
      at = next as Record<string, unknown>;
      continue;
    }
    if (how === 'remove') delete at[key];
    else if (how === 'stringify') put(at, key, String(JSON.stringify(next)));
    else if (how === 'wrap') put(at, key, [next, value]);
    else if (how === 'nest') put(at, key, { next, value });
    else put(at, how === 'add' ? '__proto__' : key, value);
    return;
  }
}

/** Over the wire and back, as a client sees it. */
const received = (body: object) =>
  decodePayload(encodePayload('NotifySubscriberRequest', { serviceInfo: body })).body.serviceInfo as Record<
    string,
    unknown
  >;

const settings = readOptions({ servers: ['nacos'] });

it.each([
  ['orders', 14_000],
  ['orders?clusters=DEFAULT&metadata.zone=a', 3_000],
  ['orders?dubbo=application', 3_000],
])(
  '20 000 mutated lists: %s loses no good instance and makes no bad one',
  { timeout: 120_000 },
  (target, numRuns) => {
    const ref = parseServiceRef(target, settings);
    const good = host(9, {
      ip: '10.0.0.9',
      metadata: {
        zone: 'a',
        ...(ref.dubbo?.mode === 'application' && { 'dubbo.endpoints': '[{"port":9,"protocol":"tri"}]' }),
      },
    });
    let dropping = 0;
    const property = fc.property(mutations, fc.nat(3), (changes, at) => {
      const document = serviceInfo();
      for (const change of changes) mutate(document, change);
      const isList = Array.isArray(document.hosts);
      if (isList) document.hosts.splice(at, 0, good);
      const update = toUpdate(new Map([['orders', received(document)]]), ref, settings);
      if (!isList) return assert.equal(update.type, 'problem');
      assert(update.type === 'reset');
      for (const endpoint of update.endpoints) assert(sameEndpoint(toEndpoint(endpoint), endpoint));
      assert(update.endpoints.some(({ id }) => id === GOOD));
      assert(update.endpoints.every(({ host }) => host !== '10.0.0.66'));
      const dropped = update.dropped ?? [];
      if (dropped.length > 0) dropping += 1;
      assert(dropped.every((line) => line.length < 1_000 && /^hosts\[\d+\]/.test(line)));
    });
    fc.assert(property, { numRuns, ...replay });
    expect(dropping).toBeGreaterThan(numRuns / 20);
  },
);

it('of a million instances the first 100 000 are read, and the others counted', () => {
  const hosts = Array.from({ length: 1_000_000 }, (_, i) => ({ ip: '10.0.0.1', port: (i % 65_535) + 1 }));
  const update = toUpdate(new Map([['orders', { hosts }]]), parseServiceRef('orders', settings), settings);
  expect(update).toMatchObject({
    type: 'reset',
    dropped: ['hosts: 1000000 instances must be at most 100000: those after them are not used'],
  });
  expect(update.type === 'reset' && update.endpoints.length).toBe(65_535);
});

it('mutated pushes end no connection, and the good one after them is believed', {
  timeout: 60_000,
}, async () => {
  const server = await new FakeNacos().start();
  server.hosts = [host(1)];
  const registry = nacos({ servers: [server.address], transport: ownHttp2Transport });
  const orders = new Followed(registry, 'orders');
  try {
    await until(() => orders.ids.length === 1, 'the first list');
    for (const changes of fc.sample(mutations, { numRuns: 2_000, ...replay })) {
      const document = serviceInfo();
      for (const change of changes) mutate(document, change);
      // Times are right here: a wrong one is put right by the next list that is asked for.
      Object.assign(document, { lastRefTime: ++server.lastRefTime });
      server.say('NotifySubscriberRequest', { serviceInfo: document });
    }
    server.push([host(1), host(9, { ip: '10.0.0.9' })]);
    await until(() => orders.ids.join() === `10.0.0.1:1,${GOOD}`, 'the last list');
    expect(orders.error).toBeUndefined();
    expect(server.connections).toBe(1);
  } finally {
    await orders.close();
    await registry.close?.();
    server.stop();
  }
});
