import { expect, test } from 'vitest';
import { Engine, Phase } from './engine.ts';

test('what falls due together runs in the order of a turn of the event loop, and promises follow at once', async () => {
  const engine = new Engine();
  const seen: string[] = [];
  const note = (text: string) => () => {
    seen.push(text);
    void Promise.resolve().then(() => seen.push(`after ${text}`));
  };
  engine.inClient(Phase.CHECK, 5, note('check'));
  engine.inClient(Phase.POLL, 5, note('socket'));
  engine.clientClock.after(5, note('timer'));
  engine.after(5, note('world'));
  await engine.run(engine.nowMs() + 10);
  const order = ['world', 'timer', 'socket', 'check'].flatMap((text) => [text, `after ${text}`]);
  expect(seen).toEqual(order);
});

test('a process that stands still does all of it afterwards, while the world goes on', async () => {
  const engine = new Engine();
  const startMs = engine.nowMs();
  const seen: [string, number][] = [];
  const note = (text: string) => () => void seen.push([text, engine.nowMs() - startMs]);
  engine.stall(100);
  engine.inClient(Phase.POLL, 20, note('socket'));
  engine.clientClock.after(50, note('timer'));
  engine.after(60, note('world'));
  await engine.run(startMs + 200);
  expect(seen).toEqual([
    ['world', 60],
    ['timer', 100],
    ['socket', 100],
  ]);
});

test('timers are never early, are counted, and can be cancelled', async () => {
  const engine = new Engine();
  const { clientClock: clock } = engine;
  await engine.run(engine.nowMs() + 0.7);
  const startMs = engine.nowMs();
  let firedMs = 0;
  clock.after(2, () => {
    firedMs = engine.nowMs() - startMs;
  });
  const cancelled = clock.after(2, () => {
    throw new Error('it was cancelled');
  });
  expect(engine.clientTimers).toBe(2);
  cancelled.cancel();
  expect(engine.clientTimers).toBe(1);
  await engine.run(startMs + 10);
  expect(engine.clientTimers).toBe(0);
  expect(firedMs).toBeGreaterThanOrEqual(2);
  expect(firedMs).toBeLessThan(4);
});

test('what a step throws ends the run', async () => {
  const engine = new Engine();
  engine.after(1, () => {
    throw new Error('broken');
  });
  await expect(engine.run(engine.nowMs() + 10)).rejects.toThrow('broken');
});
