import { settle, VirtualClock } from '@podwire/core/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Registry } from '../registry.ts';
import { endpointOf, ScriptedRegistry } from '../testing/scripted-registry.ts';
import { Watched } from '../testing/watched.ts';

const A = '10.0.0.1:1';
const B = '10.0.0.2:1';

it.each([
  ['nothing', undefined],
  ['null', null],
  ['a number', 7],
  ['an unknown type', { type: 'explode' }],
  ['no endpoints', { type: 'reset' }],
  ['endpoints that are none', { type: 'reset', endpoints: [null, 7, 'a:1', {}] }],
  ['endpoints by name', { type: 'upsert', endpoints: { [A]: {} } }],
  ['no ids', { type: 'remove' }],
  ['a getter that throws', Object.defineProperty({}, 'type', { get: () => fail() })],
  ['a problem without a reason', { type: 'problem' }],
])('keeps the set when the registry says %s', async (_what, update) => {
  const registry = new ScriptedRegistry();
  registry.first = { type: 'reset', endpoints: [] };
  const watched = new Watched(registry);
  await watched.settle();
  registry.reset(A);
  await watched.settle();
  watched.alive.clear();
  registry.say(update);
  await watched.settle();
  expect(watched.ids).toEqual([A]);
  expect(watched.watch.status.lastError).toBeDefined();
  await watched.clock.advance(1_000);
  registry.reset(A, B);
  await watched.settle();
  expect(watched.ids).toEqual([A, B]);
  watched.watch.close();
});

function fail(): never {
  throw new Error('no');
}

it.each<[string, Registry['watch']]>([
  ['throws', fail],
  ['returns nothing', () => undefined as never],
  ['returns no iterable', () => ({}) as never],
  ['has an iterator that throws', () => ({ [Symbol.asyncIterator]: fail })],
  ['throws null', () => Promise.reject(null) as never],
])('backs off from a registry whose watch %s', async (_what, watch) => {
  const registry: Registry = { scheme: 'bad', source: 'registry', watch };
  const watched = new Watched(registry);
  await settle();
  expect(watched.watch.status.state).toBe('backing-off');
  expect(watched.watch.status.lastError).not.toBe('');
  watched.watch.close();
});

it('uses no more than 100 000 endpoints, and says so', async () => {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry);
  await settle();
  registry.say({ type: 'reset', endpoints: new Array(100_001).fill(endpointOf(A)) });
  await watched.settle();
  expect(watched.watch.status.dropped).toEqual([
    'endpoints: 100001 are more than 100000, the rest is not used',
  ]);
  watched.watch.close();
});

it('uses the good endpoints of a list, and names the bad ones', async () => {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry);
  await settle();
  const bad = { host: 'x', port: '80' };
  registry.say({ type: 'reset', endpoints: [{ host: '10.0.0.1', port: 1 }, bad, null], dropped: ['line 7'] });
  await watched.settle();
  expect(watched.ids).toEqual([A]);
  expect(watched.watch.status.dropped).toEqual([
    'line 7',
    'endpoints[1].port: "80" must be a port, an integer from 1 to 65535',
    'endpoints[2]: null must be an object with an address',
  ]);
  registry.say({ type: 'reset', endpoints: Array.from({ length: 100 }, () => bad).concat(A as never) });
  await watched.settle();
  expect(watched.watch.status.dropped).toHaveLength(21);
  expect(watched.watch.status.dropped[20]).toBe('and 81 more');
  watched.watch.close();
});

it('does not let a registry that never pauses stop the process', async () => {
  const clock = new VirtualClock();
  let said = 0;
  async function* flood() {
    for (;;) {
      said += 1;
      yield { type: 'reset', endpoints: [] } as const;
    }
  }
  const watched = new Watched({ scheme: 'flood', source: 'registry', watch: flood }, { clock });
  await settle();
  expect(said).toBeLessThanOrEqual(1_001);
  watched.watch.close();
  await settle();
  expect(clock.pending).toBe(0);
});

it('finds its way through whatever a registry says', { timeout: 30_000 }, async () => {
  const update = fc.oneof(
    fc.anything(),
    fc.record({
      type: fc.constantFrom('reset', 'upsert', 'remove', 'missing', 'problem'),
      endpoints: fc.oneof(fc.anything(), fc.array(fc.oneof(fc.anything(), fc.constant({ address: A })))),
      ids: fc.anything(),
      dropped: fc.anything(),
      reason: fc.anything(),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(update, { maxLength: 20 }), async (updates) => {
      const registry = new ScriptedRegistry();
      const watched = new Watched(registry);
      await settle();
      for (const said of updates) registry.say(said);
      await watched.clock.advance(1_000);
      registry.reset(A, B);
      await watched.settle();
      expect(watched.ids).toEqual([A, B]);
      expect(() => JSON.stringify(watched.statuses)).not.toThrow();
      watched.watch.close();
      expect(watched.clock.pending).toBe(0);
    }),
    { numRuns: 200 },
  );
});
