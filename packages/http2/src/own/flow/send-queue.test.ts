import { expect, test } from 'vitest';
import { type Sendable, SendQueue } from './send-queue.ts';

const stream = (waits = true): Sendable & { waits: boolean } => ({ waits, sendFrame: () => false });

test('streams come out in order, and behind one another again', () => {
  const queue = new SendQueue();
  const all = [stream(), stream(), stream()];
  for (const one of all) queue.push(one);
  expect(queue.shift()).toBe(all[0]);
  queue.push(all[0]!);
  expect([queue.shift(), queue.shift(), queue.shift(), queue.shift()]).toEqual([
    all[1],
    all[2],
    all[0],
    undefined,
  ]);
});

test('streams that ended while nothing could be sent are not kept', () => {
  const queue = new SendQueue();
  const kept = stream();
  queue.push(kept);
  for (let i = 0; i < 1_000_000; i++) queue.push(stream(false));
  expect(queue.length).toBeLessThan(200);
  expect(queue.shift()).toBe(kept);
});

test('a hundred thousand streams take their turns in time that grows with their number alone', () => {
  const queue = new SendQueue();
  for (let i = 0; i < 100_000; i++) queue.push(stream());
  const startedMs = performance.now();
  for (let i = 0; i < 300_000; i++) queue.push(queue.shift()!);
  expect(performance.now() - startedMs).toBeLessThan(1_000);
});
