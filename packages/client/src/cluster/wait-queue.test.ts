import { expect, test } from 'vitest';
import { WaitLimit, WaitQueue } from './wait-queue.ts';

/** Waiting calls that find room as long as there is some. */
function waiting(queue: WaitQueue, count: number) {
  const seen = { room: 0, tries: 0, begun: [] as number[] };
  for (let number = 0; number < count; number++) {
    queue.add({
      isSteered: false,
      retry() {
        seen.tries += 1;
        if (seen.room === 0) return false;
        seen.room -= 1;
        seen.begun.push(number);
        return true;
      },
    });
  }
  return seen;
}

test('calls begin in the order they came, as many as find room, and one more looks', () => {
  const queue = new WaitQueue(new WaitLimit(10), () => 0);
  const seen = waiting(queue, 5);
  seen.room = 2;
  queue.flush();
  expect([seen.begun, seen.tries, queue.size]).toEqual([[0, 1], 3, 3]);
  seen.room = 9;
  queue.flush();
  expect([seen.begun, queue.size]).toEqual([[0, 1, 2, 3, 4], 0]);
});

test('room for one call costs no walk over all that wait', () => {
  const queue = new WaitQueue(new WaitLimit(100_000), () => 0);
  const seen = waiting(queue, 100_000);
  const startedMs = performance.now();
  for (let i = 0; i < 10_000; i++) {
    seen.room = 1;
    queue.flush();
  }
  expect(seen.begun.length).toBe(10_000);
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});

test('a call that is sent, comes back at once and waits again is counted once', () => {
  const limit = new WaitLimit(2);
  const queue = new WaitQueue(limit, () => 0);
  const waiter = { isSteered: true, retry: () => !queue.add(waiter) };
  queue.add(waiter);
  for (let i = 0; i < 5; i++) queue.flush();
  expect([limit.waiting, queue.size]).toEqual([1, 1]);
  queue.remove(waiter);
  expect(limit.waiting).toBe(0);
  expect(waiting(queue, 3)).toMatchObject({ tries: 0 });
  expect([limit.waiting, queue.size]).toEqual([2, 2]);
});

test('a queue that has stood for longer than 100 ms serves the newest call first', () => {
  let nowMs = 0;
  const queue = new WaitQueue(new WaitLimit(100), () => nowMs);
  const seen = waiting(queue, 5);
  nowMs = 101;
  seen.room = 2;
  queue.flush();
  expect([seen.begun, queue.size]).toEqual([[4, 3], 3]);
  const later = waiting(queue, 2);
  later.room = 1;
  seen.room = 0;
  queue.flush();
  expect([later.begun, queue.size]).toEqual([[1], 4]);
  seen.room = 9;
  later.room = 9;
  queue.flush();
  expect([seen.begun, later.begun, queue.size]).toEqual([[4, 3, 2, 1, 0], [1, 0], 0]);
  // It was empty, so it serves in order again.
  nowMs = 200;
  const next = waiting(queue, 3);
  nowMs = 250;
  next.room = 3;
  queue.flush();
  expect(next.begun).toEqual([0, 1, 2]);
});

test('the newest first costs no walk over all that wait either', () => {
  let nowMs = 0;
  const queue = new WaitQueue(new WaitLimit(100_000), () => nowMs);
  const seen = waiting(queue, 100_000);
  nowMs = 1_000;
  const startedMs = performance.now();
  for (let i = 0; i < 10_000; i++) {
    seen.room = 1;
    queue.flush();
  }
  expect(seen.begun.length).toBe(10_000);
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});
