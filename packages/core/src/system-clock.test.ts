import { expect, test } from 'vitest';
import { systemClock } from './system-clock.ts';

/** How much of its time a timer still had when it fired. */
function firesEarlyBy(delayMs: number): Promise<number> {
  const dueMs = systemClock.nowMs() + delayMs;
  return new Promise((resolve) => systemClock.after(delayMs, () => resolve(dueMs - systemClock.nowMs())));
}

test('no timer fires before its time: what is due by the clock then is due when the timer says so', async () => {
  const delaysMs = Array.from({ length: 40 }, (_, i) => i * 0.95);
  const early = await Promise.all(delaysMs.map(firesEarlyBy));
  expect(Math.max(...early)).toBeLessThanOrEqual(0);
});

test('a timer that is cancelled does not fire', async () => {
  let fired = false;
  const timers = Array.from({ length: 40 }, (_, i) =>
    systemClock.after(i * 0.95, () => {
      fired = true;
    }),
  );
  for (const timer of timers) timer.cancel();
  await firesEarlyBy(40);
  expect(fired).toBe(false);
});
