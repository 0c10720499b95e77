import { settle } from '@podwire/core/testing';
import { describe, expect, it } from 'vitest';
import { ScriptedRegistry } from '../testing/scripted-registry.ts';
import { Watched } from '../testing/watched.ts';

const pods = (n: number, from = 1) => Array.from({ length: n }, (_, i) => `10.0.0.${i + from}:1`);

async function watching(ids: readonly string[], holdMs?: number) {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry, holdMs === undefined ? {} : { holdMs });
  await settle();
  registry.reset(...ids);
  await watched.settle();
  for (const id of ids) watched.alive.add(id);
  return { registry, watched };
}

describe('an empty set', () => {
  it('is not believed while Pods answer, loudly, and no longer than a minute', async () => {
    const { registry, watched } = await watching(pods(4));
    const startMs = watched.clock.wallMs();
    registry.reset();
    await watched.settle();
    expect(watched.ids).toEqual(pods(4));
    expect(watched.watch.status.held).toEqual({
      reason: 'the registry took away all 4 endpoints at once',
      untilMs: startMs + 60_000,
      ids: pods(4),
    });
    expect(watched.statuses.at(-1)?.held?.ids).toEqual(pods(4));
    await watched.clock.advance(59_000);
    expect(watched.ids).toEqual(pods(4));
    await watched.clock.advance(1_000);
    expect(watched.ids).toEqual([]);
    expect(watched.statuses.at(-1)?.held).toBeUndefined();
    watched.watch.close();
    expect(watched.clock.pending).toBe(0);
  });

  it('is believed of Pods that do not answer, at once and as soon as they stop', async () => {
    const { registry, watched } = await watching(pods(4));
    watched.alive.delete('10.0.0.1:1');
    registry.say({ type: 'missing', reason: 'deleted' });
    await watched.settle();
    expect(watched.ids).toEqual(pods(3, 2));
    watched.alive.delete('10.0.0.2:1');
    watched.watch.recheck();
    await watched.settle();
    expect(watched.ids).toEqual(pods(2, 3));
    watched.alive.clear();
    watched.watch.recheck();
    await watched.settle();
    expect(watched.ids).toEqual([]);
    expect(watched.watch.status).toMatchObject({ held: undefined, missing: 'deleted' });
    watched.watch.close();
  });

  it('is forgotten when the registry knows its Pods again', async () => {
    const { registry, watched } = await watching(pods(4));
    registry.reset();
    await watched.settle();
    registry.reset(...pods(2));
    await watched.settle();
    expect(watched.ids).toEqual(pods(4));
    expect(watched.watch.status.held?.ids).toEqual(pods(2, 3));
    registry.reset(...pods(4));
    await watched.settle();
    expect(watched.watch.status.held).toBeUndefined();
    await watched.clock.advance(120_000);
    expect(watched.ids).toEqual(pods(4));
    watched.watch.close();
  });

  it('is believed at once with holdMs 0', async () => {
    const { registry, watched } = await watching(pods(4), 0);
    registry.reset();
    await watched.settle();
    expect(watched.ids).toEqual([]);
    watched.watch.close();
  });
});

describe('Pods that were said to leave', () => {
  it('are believed to have left, though they still answer: no alarm at each scale-down', async () => {
    const { registry, watched } = await watching(pods(4));
    const draining = pods(4, 1).map((address) => ({ address, phase: 'draining' }) as const);
    registry.upsert(...draining.slice(1));
    await watched.clock.advance(1_000);
    registry.remove(...pods(3, 2));
    await watched.settle();
    expect(watched.ids).toEqual(pods(1));
    registry.upsert(...draining.slice(0, 1));
    await watched.clock.advance(1_000);
    registry.say({ type: 'missing', reason: 'scaled to zero' });
    await watched.settle();
    expect(watched.ids).toEqual([]);
    expect(watched.statuses.filter(({ held }) => held !== undefined)).toEqual([]);
    watched.watch.close();
  });
});

describe('a halved set', () => {
  it('keeps the lost Pods that answer, beside the new ones', async () => {
    const { registry, watched } = await watching(pods(10));
    registry.reset(...pods(2), '10.0.1.1:1');
    await watched.settle();
    expect(watched.ids).toEqual([...pods(10), '10.0.1.1:1'].sort());
    expect(watched.watch.status.held?.reason).toBe('the registry took away 8 of 10 endpoints at once');
    watched.watch.close();
  });

  it('is noticed too when the registry forgets one Pod after the other', async () => {
    const { registry, watched } = await watching(pods(10));
    for (const id of pods(10)) {
      registry.remove(id);
      await watched.clock.advance(300);
    }
    expect(watched.ids?.length).toBeGreaterThanOrEqual(5);
    watched.watch.close();
  });

  it('is believed when it is slow, when half stays, and when new Pods take the place of the old', async () => {
    const slow = await watching(pods(8));
    for (const id of pods(7)) {
      slow.registry.remove(id);
      await slow.watched.clock.advance(11_000);
    }
    expect(slow.watched.ids).toEqual(['10.0.0.8:1']);
    slow.watched.watch.close();

    const half = await watching(pods(4));
    half.registry.reset(...pods(2));
    await half.watched.settle();
    expect(half.watched.ids).toEqual(pods(2));
    half.watched.watch.close();

    const rolled = await watching(pods(4));
    rolled.registry.reset(...pods(4, 11));
    await rolled.watched.settle();
    expect(rolled.watched.ids).toEqual(pods(4, 11));
    rolled.watched.watch.close();
  });
});
