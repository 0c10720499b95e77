import { settle, VirtualClock } from '@podwire/core/testing';
import { expect, it } from 'vitest';
import { until } from '../testing/follow.ts';
import { endpointOf, ScriptedRegistry } from '../testing/scripted-registry.ts';
import { Watched } from '../testing/watched.ts';
import { watchService } from './watch-service.ts';

const [A, B, C] = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'] as const;

it('gives each change as a new set with a higher version, and keeps the objects that did not change', async () => {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry);
  expect(watched.watch.status).toMatchObject({ state: 'connecting', source: undefined });
  await settle();
  registry.reset(A, B);
  await watched.settle();
  registry.reset({ address: B, weight: 2 }, A);
  await watched.settle();
  registry.upsert(C);
  registry.remove(A);
  await watched.settle();
  expect(watched.sets.map(({ version }) => version)).toEqual([1, 2, 3]);
  expect(watched.ids).toEqual([B, C]);
  const [first, second, last] = watched.sets.map(({ endpoints }) => new Map(endpoints.map((e) => [e.id, e])));
  expect(second!.get(A)).toBe(first!.get(A));
  expect(last!.get(B)).toBe(second!.get(B));
  expect(watched.watch.status).toMatchObject({ state: 'watching', source: 'registry', lastError: undefined });
  watched.watch.close();
});

it('says nothing when the registry repeats itself, in whatever order', async () => {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry);
  await settle();
  registry.reset(A, B);
  await watched.settle();
  registry.reset(B, A);
  registry.upsert(A);
  registry.remove(C);
  await watched.settle();
  expect(watched.sets).toHaveLength(1);
  watched.watch.close();
});

it('takes a thousand changes a second together, and ends with the last', async () => {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry);
  await settle();
  registry.reset(A);
  await settle();
  for (let i = 0; i < 1_000; i++) {
    registry.reset(A, { address: B, weight: i + 1 });
    if (i % 10 === 9) await watched.clock.advance(10);
  }
  await watched.settle();
  expect(watched.sets.length).toBeLessThanOrEqual(1 + 1_000 / 50 + 2);
  expect(watched.watch.set?.endpoints[1]).toMatchObject({ weight: 1_000 });
  watched.watch.close();
});

it('keeps the last good set while the registry fails, and starts it again at 0.5, 1, 2, 4, 8, 10 s', async () => {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry);
  await settle();
  registry.reset(A, B);
  await watched.settle();
  registry.throwNow = new Error('the registry is on fire');
  registry.fail(new Error('connection reset'));
  await settle();
  expect(watched.watch.status).toMatchObject({ state: 'backing-off', lastError: 'connection reset' });
  const startsMs: number[] = [];
  for (let passedMs = 0, begun = 1; passedMs < 40_000; passedMs += 100) {
    await watched.clock.advance(100);
    if (registry.begun > begun) startsMs.push(watched.clock.nowMs());
    begun = registry.begun;
  }
  const gaps = startsMs.slice(1).map((startMs, i) => startMs - startsMs[i]!);
  expect(gaps).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  expect(watched.ids).toEqual([A, B]);
  expect(watched.watch.status.lastError).toBe('the registry is on fire');
  registry.throwNow = undefined;
  await watched.clock.advance(10_000);
  registry.reset(A, C);
  await watched.settle();
  expect(watched.ids).toEqual([A, C]);
  expect(watched.watch.status).toMatchObject({ state: 'watching', lastError: undefined });
  watched.watch.close();
});

it('starts a registry that cannot be reached again within a second, however long that lasts', async () => {
  const registry = new ScriptedRegistry();
  const unreachable = Object.assign(new Error('connection refused'), { unreachable: true });
  registry.throwNow = unreachable;
  const watched = new Watched(registry);
  await watched.clock.advance(60_000);
  const begun = registry.begun;
  expect(begun).toBeGreaterThan(55);
  registry.throwNow = new Error('overloaded');
  await watched.clock.advance(60_000);
  expect(registry.begun - begun).toBeLessThan(12);
  registry.throwNow = undefined;
  watched.watch.close();
});

it('begins with the first backoff again after a watch that lived for 10 s, and waits no less because it lived', async () => {
  const registry = new ScriptedRegistry();
  registry.throwNow = new Error('down');
  const watched = new Watched(registry);
  const { clock } = watched;
  await clock.advance(10_000);
  registry.throwNow = undefined;
  registry.first = { type: 'reset', endpoints: [] };
  await until(
    () => registry.open === 1,
    'the watch',
    () => clock.advance(100),
  );
  const restartMs = async (livedMs: number, error: Error) => {
    await clock.advance(livedMs);
    const { begun } = registry;
    registry.fail(error);
    await settle();
    const startMs = clock.nowMs();
    await until(
      () => registry.begun > begun,
      'the next watch',
      () => clock.advance(10),
    );
    return clock.nowMs() - startMs;
  };
  expect(await restartMs(9_900, new Error('reset'))).toBeGreaterThan(5_000);
  expect(await restartMs(10_100, new Error('reset'))).toBe(500);
  const unreachable = Object.assign(new Error('connection refused'), { unreachable: true });
  expect(await restartMs(10_100, unreachable)).toBe(500);
  watched.watch.close();
});

it('spreads the restarts of many clients over half of the backoff', async () => {
  const begunAt = async (random: number) => {
    const registry = new ScriptedRegistry();
    registry.throwNow = new Error('down');
    const watched = new Watched(registry, { random: () => random });
    await settle();
    let ms = 0;
    while (registry.begun < 2) {
      await watched.clock.advance(10);
      ms += 10;
    }
    watched.watch.close();
    return ms;
  };
  expect(await begunAt(0)).toBe(250);
  expect(await begunAt(0.999)).toBe(500);
});

it('starts a registry again that says nothing at all', async () => {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry);
  await watched.clock.advance(29_000);
  expect(registry.begun).toBe(1);
  await watched.clock.advance(2_000);
  expect(registry.begun).toBe(2);
  expect(watched.statuses.at(-2)?.lastError).toBe('the registry said nothing for 30000 ms');
  watched.watch.close();
});

it('says when the service is missing, and why', async () => {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry);
  await settle();
  registry.say({ type: 'missing', reason: 'no such service' });
  await watched.settle();
  expect(watched.ids).toEqual([]);
  expect(watched.watch.status.missing).toBe('no such service');
  registry.reset(A);
  await watched.settle();
  expect(watched.watch.status.missing).toBeUndefined();
  watched.watch.close();
});

it('passes a hint on to the registry, once a second at most', async () => {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry);
  await settle();
  const hint = () => {
    for (let i = 0; i < 50; i++) watched.watch.recheck();
  };
  hint();
  await watched.clock.advance(0);
  expect(registry.rechecks).toBe(1);
  hint();
  await watched.clock.advance(900);
  expect(registry.rechecks).toBe(1);
  await watched.clock.advance(3_000);
  expect(registry.rechecks).toBe(2);
  watched.watch.close();
});

it('watches once for all watches of one service of a registry, and stops with the last', async () => {
  const registry = new ScriptedRegistry();
  const clock = new VirtualClock();
  const first = new Watched(registry, { clock });
  await settle();
  registry.reset(A);
  await first.settle();
  const second = new Watched(registry, { clock });
  expect(second.ids).toEqual([A]);
  expect(registry.begun).toBe(1);
  first.watch.close();
  registry.reset(A, B);
  await second.settle();
  expect(second.ids).toEqual([A, B]);
  expect(first.ids).toEqual([A]);
  second.watch.close();
  second.watch.close();
  await settle();
  expect(registry.open).toBe(0);
  expect(clock.pending).toBe(0);
  const third = new Watched(registry, { clock });
  await settle();
  expect(registry.begun).toBe(2);
  third.watch.close();
});

it('shares the watch of two registries with one key', async () => {
  const make = () => Object.assign(new ScriptedRegistry(), { key: 'scripted://one' });
  const [one, other] = [make(), make()];
  const clock = new VirtualClock();
  const watches = [new Watched(one, { clock }), new Watched(other, { clock })];
  await settle();
  one.reset(A);
  await settle();
  expect(watches.map(({ ids }) => ids)).toEqual([[A], [A]]);
  expect(other.begun).toBe(0);
  for (const { watch } of watches) watch.close();
});

it('leaves no timer and says nothing after close, even to a registry that does not end', async () => {
  const clock = new VirtualClock();
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry, { clock });
  await settle();
  registry.reset(A);
  registry.reset(B);
  watched.watch.close();
  await clock.advance(100_000);
  expect(watched.sets).toEqual([]);
  expect(watched.watch.status.state).toBe('closed');
  const deaf = {
    scheme: 'deaf',
    source: 'registry' as const,
    watch: () => ({ [Symbol.asyncIterator]: stuck }),
  };
  const stuck = () => ({ next: () => new Promise<never>(() => {}) });
  new Watched(deaf, { clock }).watch.close();
  await settle();
  expect(clock.pending).toBe(0);
});

it('lets what a listener throws surface, and goes on', async () => {
  const registry = new ScriptedRegistry();
  const clock = new VirtualClock();
  const thrown: unknown[] = [];
  const catcher = (error: unknown) => thrown.push(error);
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', catcher);
  const onSet = () => {
    throw new Error('mine');
  };
  const watch = watchService(registry, 'orders', { clock, random: Math.random }, { onSet });
  await settle();
  registry.say({ type: 'reset', endpoints: [endpointOf(A)] });
  await settle();
  process.removeAllListeners('uncaughtException');
  for (const listener of others) process.on('uncaughtException', listener);
  expect(thrown).toEqual([new Error('mine')]);
  expect(watch.status).toMatchObject({ state: 'watching', lastError: undefined });
  watch.close();
});
