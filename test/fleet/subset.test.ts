import { ScriptedRegistry } from '@podwire/registry/testing';
import { expect, test } from 'vitest';
import { counted, fleet } from './fleet.ts';

const PODS = Array.from({ length: 12 }, (_, i) => `10.0.0.${i + 1}:1`);
const OPTIONS = { subset: { size: 3, client: 0 }, policy: 'round_robin' } as const;

/** A client that connects to three of twelve Pods. */
async function subset(options: object = {}, addresses: readonly string[] = PODS) {
  const at = await fleet(addresses, {}, { ...OPTIONS, ...options });
  const ids = () => at.channel.snapshot().pods.map(({ id }) => id);
  const own = ids();
  return {
    ...at,
    ids,
    own,
    /** Ends a Pod's connection, and takes no other. */
    kill(address: string) {
      at.pod(address).refuse();
      at.pod(address).close();
    },
    restart: (address: string) => at.pod(address).accept(),
  };
}

test('a subset whose Pods are all gone takes as many others, and gives them up a minute after its own are back', async () => {
  const at = await subset();
  expect(at.own).toHaveLength(3);
  await at.clock.advance(60_000);
  const idleTimers = at.clock.pending;
  at.own.forEach(at.kill);
  await at.clock.advance(10);
  const answers = counted(await at.calls(90));
  const used = at.ids();
  expect(used).toHaveLength(6);
  expect(Object.keys(answers).sort()).toEqual(used.filter((id) => !at.own.includes(id)).sort());
  // They stay for as long as the own ones are away.
  await at.clock.advance(200_000);
  expect(at.ids()).toEqual(used);
  at.own.forEach(at.restart);
  await at.clock.advance(30_000);
  expect(at.ids()).toHaveLength(6);
  expect(counted(await at.calls(60))[at.own[0]!]).toBe(10);
  await at.clock.advance(100_000);
  expect(at.ids()).toEqual(at.own);
  expect(at.clock.pending).toBe(idleTimers);
  expect(await at.close()).toBe(0);
});

test('calls that wait when the last Pod of a subset goes are taken by the next ones on the ring', async () => {
  const at = await subset();
  at.own.forEach(at.kill);
  const calls = Array.from({ length: 20 }, () => at.start());
  await at.clock.advance(100);
  expect(counted(calls.map(({ status }) => `${status?.code}`))).toEqual({ 0: 20 });
  expect(await at.close()).toBe(0);
});

test('a subset whose Pods went without a word grows although nothing refuses to connect', async () => {
  const at = await subset();
  for (const address of at.own) {
    at.pod(address).hang();
    at.pod(address).close();
  }
  const call = at.start();
  await at.clock.advance(200);
  expect(call.status?.code).toBe(0);
  expect(await at.close()).toBe(0);
});

test('a subset of which more than half is out for five seconds grows by what is missing', async () => {
  const at = await subset();
  at.kill(at.own[0]!);
  await at.clock.advance(20_000);
  expect(at.ids()).toEqual(at.own);
  at.kill(at.own[1]!);
  await at.clock.advance(4_900);
  expect(at.ids()).toEqual(at.own);
  await at.clock.advance(200);
  expect(at.ids()).toHaveLength(5);
  // The next two on the ring are out as well.
  for (const id of at.ids()) if (id !== at.own[2]) at.kill(id);
  await at.clock.advance(20_000);
  expect(at.ids()).toHaveLength(6);
  expect(counted(await at.calls(20))).toMatchObject({ [at.own[2]!]: 10 });
  expect(await at.close()).toBe(0);
});

test('a subset that recovers in less than five seconds does not grow', async () => {
  const at = await subset();
  for (let round = 0; round < 5; round++) {
    at.own.slice(1).forEach(at.kill);
    await at.clock.advance(2_000);
    at.own.slice(1).forEach(at.restart);
    await at.clock.advance(3_000);
    expect(at.ids()).toEqual(at.own);
  }
  expect(await at.close()).toBe(0);
});

test('a subset does not grow for connections that end and are made anew at once, nor for a set that is replaced', async () => {
  const registry = new ScriptedRegistry();
  const others = PODS.map((address) => address.replace('10.0.0', '10.0.1'));
  const at = await fleet([...PODS, ...others], {}, { ...OPTIONS, registries: [registry] });
  registry.reset(...PODS);
  await at.clock.advance(1_000);
  const inUse = () => at.channel.snapshot().pods.filter(({ state }) => state !== 'draining');
  for (const { id } of inUse()) at.pod(id).close();
  await at.clock.advance(1_000);
  expect(inUse()).toHaveLength(3);
  registry.reset(...others);
  await at.clock.advance(1_000);
  expect(inUse()).toHaveLength(3);
  expect(await at.close()).toBe(0);
});

test('an ejected Pod of a subset is out: the subset grows, and then there is no panic', async () => {
  const at = await subset();
  const [a, b] = at.own as [string, string];
  at.pod(a).fail(14);
  await at.calls(60);
  expect(
    at.channel
      .snapshot()
      .pods.filter(({ ejected }) => ejected)
      .map(({ id }) => id),
  ).toEqual([a]);
  at.kill(b);
  await at.clock.advance(100);
  expect(at.channel.snapshot().panic).toBe('opinions');
  await at.clock.advance(5_000);
  expect([at.ids().length, at.channel.snapshot().panic]).toEqual([5, 'none']);
  expect(await at.close()).toBe(0);
});

test('of a subset of three one Pod is ejected at most, however many there are in the service', async () => {
  const at = await subset();
  for (const address of at.own.slice(1)) at.pod(address).fail(13);
  await at.calls(200);
  expect(at.channel.snapshot().pods.filter(({ ejected }) => ejected)).toHaveLength(1);
  expect(at.channel.snapshot().counters.notEjected.max_ejection_overflow).toBe(1);
  expect(await at.close()).toBe(0);
});

test('with pick_first a subset grows when none of its Pods can be connected to', async () => {
  const at = await subset({ policy: 'pick_first' });
  await at.clock.advance(20_000);
  expect(at.ids()).toEqual(at.own);
  at.own.forEach(at.kill);
  await at.clock.advance(2_000);
  const [answer] = await at.calls(1);
  expect(at.own).not.toContain(answer);
  expect(PODS).toContain(answer);
  expect(await at.close()).toBe(0);
});

test('a subset that is the whole set has no further Pods, and waits for its own', async () => {
  const at = await subset({}, PODS.slice(0, 3));
  at.own.forEach(at.kill);
  await at.clock.advance(20_000);
  expect(at.ids()).toEqual(at.own);
  at.own.forEach(at.restart);
  await at.clock.advance(2_000);
  expect(counted(await at.calls(30))).toEqual(Object.fromEntries(at.own.map((id) => [id, 10])));
  expect(await at.close()).toBe(0);
});
