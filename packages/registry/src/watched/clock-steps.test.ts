import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settle, VirtualClock } from '@podwire/core/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { toEndpoint } from '../endpoint.ts';
import { fileAnnouncer } from '../file/file-announcer.ts';
import { fileRegistry } from '../file/file-registry.ts';
import { until } from '../testing/follow.ts';
import { ScriptedRegistry } from '../testing/scripted-registry.ts';
import { Watched } from '../testing/watched.ts';

/** The wall clock is set by hours, as NTP does on a machine that woke up. */
const STEPS_MS = [5, -5].map((hours) => hours * 60 * 60 * 1_000);
const PODS = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'];

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'podwire-clock-'));
});
afterEach(() => rm(directory, { recursive: true }));

it.each(STEPS_MS)('Pods are held for a minute though the clock is set by %i ms', async (stepMs) => {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry);
  const { clock } = watched;
  await settle();
  registry.reset(...PODS);
  await watched.settle();
  for (const id of PODS) watched.alive.add(id);
  registry.reset();
  await watched.settle();
  clock.stepWall(stepMs);
  const leftMs = watched.watch.status.held!.untilMs - clock.wallMs();
  expect(leftMs).toBeGreaterThan(59_000);
  expect(leftMs).toBeLessThanOrEqual(60_000);
  await clock.advance(leftMs - 1_000);
  expect(watched.ids).toEqual(PODS);
  await clock.advance(1_000);
  expect(watched.ids).toEqual([]);
  watched.watch.close();
});

it.each(STEPS_MS)('ages are right though the clock is set by %i ms', async (stepMs) => {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry);
  const { clock } = watched;
  await settle();
  registry.reset(...PODS);
  await clock.advance(10_000);
  clock.stepWall(stepMs);
  const { sinceMs, lastUpdateMs } = watched.watch.status;
  expect([clock.wallMs() - sinceMs, clock.wallMs() - lastUpdateMs!]).toEqual([10_000, 10_000]);
  watched.watch.close();
});

it.each(STEPS_MS)('a registry is started again as soon though the clock is set by %i ms', async (stepMs) => {
  const registry = new ScriptedRegistry();
  registry.throwNow = new Error('down');
  const watched = new Watched(registry);
  await settle();
  const { begun } = registry;
  watched.clock.stepWall(stepMs);
  await watched.clock.advance(400);
  expect(registry.begun).toBe(begun);
  await watched.clock.advance(100);
  expect(registry.begun).toBe(begun + 1);
  watched.watch.close();
});

it.each([
  [5, true],
  [-5, true],
  [25, false],
  [-25, false],
])('a snapshot written before the clock is set by %i hours is used: %s', async (hours, used) => {
  const clock = new VirtualClock();
  const snapshotDir = directory;
  const registry = new ScriptedRegistry();
  const before = new Watched(registry, { clock, snapshotDir });
  await settle();
  registry.reset(...PODS);
  await before.settle();
  let written: string[] | undefined;
  const down = new ScriptedRegistry();
  down.throwNow = new Error('down');
  await until(
    () => written !== undefined,
    'the snapshot',
    async () => {
      await settle();
      const early = new Watched(down, { clock, snapshotDir });
      written = early.ids;
      early.watch.close();
    },
  );
  before.watch.close();
  clock.stepWall(hours * 60 * 60 * 1_000);
  const after = new Watched(down, { clock, snapshotDir });
  expect(after.ids).toEqual(used ? PODS : undefined);
  if (used) expect(after.watch.status.lastUpdateMs).toBeLessThanOrEqual(clock.wallMs());
  after.watch.close();
});

it.each(STEPS_MS)('a lease lasts as long as it did though the clock is set by %i ms', async (stepMs) => {
  const [provider, consumer] = [new VirtualClock(), new VirtualClock()];
  const announcer = fileAnnouncer(`${directory}/`, { leaseMs: 9_000, clock: provider });
  await announcer.announce('orders', toEndpoint({ address: PODS[0]! }));
  const watched = new Watched(fileRegistry(`${directory}/`, { clock: consumer }), {
    clock: consumer,
    holdMs: 0,
  });
  const step = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await consumer.advance(10);
  };
  await until(() => watched.ids?.length === 1, 'the lease', step);
  consumer.stepWall(stepMs);
  provider.stepWall(stepMs);
  const startMs = consumer.nowMs();
  // The provider does not renew: its clock stands still.
  await until(() => watched.ids?.length === 0, 'the end of the lease', step);
  expect(consumer.nowMs() - startMs).toBeGreaterThan(7_000);
  expect(consumer.nowMs() - startMs).toBeLessThan(11_000);
  watched.watch.close();
});
