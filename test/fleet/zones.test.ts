import { selectSubset } from '@podwire/balancer';
import { toEndpoint } from '@podwire/registry';
import { ScriptedRegistry } from '@podwire/registry/testing';
import { expect, test } from 'vitest';
import { counted, fleet } from './fleet.ts';

const PODS = Array.from({ length: 9 }, (_, i) => `10.0.0.${i + 1}:1`);
const OWN = PODS.slice(0, 3);
const [A, B, C] = OWN as [string, string, string];

/** Three Pods in the zone of the client, and six in another. */
async function zoned() {
  const registry = new ScriptedRegistry();
  const at = await fleet(PODS, {}, { registries: [registry], zone: 'a', policy: 'round_robin' });
  registry.reset(...PODS.map((address) => ({ address, zone: OWN.includes(address) ? 'a' : 'b' })));
  await at.clock.advance(1_000);
  /** The own zone's share of so many calls. */
  const ownShare = async (count: number) => {
    const answers = await at.calls(count);
    return answers.filter((answer) => OWN.includes(answer)).length / count;
  };
  return { ...at, ownShare };
}

test('a zone of which two of three Pods fail all calls keeps what the third can carry', async () => {
  const at = await zoned();
  expect(await at.ownShare(300)).toBe(1);
  for (const address of [A, B]) at.pod(address).fail(14);
  const failed = counted(await at.calls(100))['status 14'];
  // While half of the other calls fail as well, a Pod needs 24 failures in a row.
  expect(failed).toBeLessThanOrEqual(50);
  const { pods, panic } = at.channel.snapshot();
  expect(pods.filter(({ ejected }) => ejected !== undefined).map(({ id }) => id)).toEqual([A, B]);
  expect(await at.ownShare(2_000)).toBeCloseTo(1.4 / 3, 1);
  expect(panic).toBe('none');
  // Those that are back count again.
  for (const address of [A, B]) at.pod(address).answer(Buffer.from(address));
  await at.clock.advance(7_000);
  await at.calls(50);
  await at.clock.advance(7_000);
  await at.calls(50);
  expect(await at.ownShare(300)).toBe(1);
  expect(await at.close()).toBe(0);
});

test('a Pod without a connection and one that is out are lost alike', async () => {
  const at = await zoned();
  at.pod(A).fail(14);
  await at.calls(60);
  at.pod(B).refuse();
  at.pod(B).close();
  await at.clock.advance(100);
  expect(await at.ownShare(2_000)).toBeCloseTo(1.4 / 3, 1);
  expect(await at.close()).toBe(0);
});

test('panic comes after the other zones, and gives the own zone its Pods back', async () => {
  const at = await zoned();
  at.pod(A).fail(14);
  await at.calls(100);
  expect(at.channel.snapshot().pods.find(({ id }) => id === A)!.ejected).toBeDefined();
  at.pod(A).answer(Buffer.from(A));
  const panics: string[] = [];
  at.channel.events.on('panic', ({ level }) => panics.push(level));
  // Of nine Pods four are left that take calls: two of the own zone, and two of the other.
  for (const address of PODS.slice(5)) {
    at.pod(address).refuse();
    at.pod(address).close();
  }
  await at.clock.advance(50);
  expect(panics).toEqual(['opinions']);
  // All three of the own zone are used, so that no call has to leave it.
  expect(counted(await at.calls(90))).toEqual({ [A]: 30, [B]: 30, [C]: 30 });
  expect(await at.close()).toBe(0);
});

test('within a subset, keys of ejected Pods stay together in other zones, and come home', async () => {
  const all = Array.from({ length: 12 }, (_, i) => toEndpoint({ address: `10.0.1.${i + 1}:1` }));
  const subset = { size: 6, client: 0 };
  const members = selectSubset(all, subset).map(({ id }) => id);
  const own = members.slice(0, 3);
  const registry = new ScriptedRegistry();
  const ids = all.map(({ id }) => id);
  const options = {
    registries: [registry],
    zone: 'a',
    policy: 'maglev',
    hashKey: { header: 'key' },
    subset,
  } as const;
  const at = await fleet(ids, {}, options);
  registry.reset(...ids.map((address) => ({ address, zone: own.includes(address) ? 'a' : 'b' })));
  await at.clock.advance(1_000);
  const keys = Array.from({ length: 500 }, (_, i) => `key ${i}`);
  const homes = async () => {
    const answers: string[] = [];
    for (const key of keys) answers.push(...(await at.calls(1, { key })));
    return answers;
  };
  const home = await homes();
  expect(new Set(home)).toEqual(new Set(own));

  const [a, b] = own as [string, string];
  for (const address of [a, b]) at.pod(address).fail(14);
  await homes();
  const { pods } = at.channel.snapshot();
  expect(pods.filter(({ ejected }) => ejected !== undefined).map(({ id }) => id)).toEqual([a, b].sort());
  const away = await homes();
  expect(away.filter((answer) => own.includes(answer)).length / keys.length).toBeCloseTo(1.4 / 3, 1);
  expect(away.every((answer) => members.includes(answer))).toBe(true);
  expect(await homes()).toEqual(away);
  // A call that names a Pod ignores opinions.
  for (const address of [a, b]) at.pod(address).answer(Buffer.from(address));
  expect(await at.calls(2, { 'podwire-pod': a })).toEqual([a, a]);

  for (let round = 0; round < 3; round++) {
    await at.clock.advance(7_000);
    await homes();
  }
  expect(await homes()).toEqual(home);
  expect(await at.close()).toBe(0);
});
