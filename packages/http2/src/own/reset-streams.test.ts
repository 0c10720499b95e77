import { expect, test } from 'vitest';
import { ResetStreams } from './reset-streams.ts';

const WINDOW_BYTES = 65_535;
const MINUTE_MS = 60_000;

test('half a million resets take time that grows with their number alone', () => {
  const resets = new ResetStreams(() => 0);
  const startedMs = performance.now();
  for (let id = 1; id < 1_000_000; id += 2) resets.add(id, WINDOW_BYTES);
  expect(performance.now() - startedMs).toBeLessThan(2_000);
  expect(resets.onData(999_999, 100, false)).toBe(true);
  expect(resets.onData(999_999 - 60_000, 100, false)).toBe(true);
});

test('a stream is known for a minute, and then only as one that may have been reset', () => {
  let nowMs = 0;
  const resets = new ResetStreams(() => nowMs);
  resets.add(5, WINDOW_BYTES);
  nowMs = MINUTE_MS;
  resets.add(9, WINDOW_BYTES);
  expect(resets.onHeaders(5, 0, false)).toBe(true);
  nowMs = 2 * MINUTE_MS;
  resets.add(13, WINDOW_BYTES);
  expect([5, 9, 13].map((id) => resets.onHeaders(id, 0, false))).toEqual([false, true, true]);
  expect([5, 7, 9, 11].map((id) => resets.has(id))).toEqual([true, false, true, false]);
});
