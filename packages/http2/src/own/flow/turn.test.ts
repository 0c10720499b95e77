import { timers } from '@podwire/core';
import { expect, test } from 'vitest';
import { Turn } from './turn.ts';

test('a writer that throws keeps no other from being flushed', () => {
  const turns: (() => void)[] = [];
  const turn = new Turn({ ...timers, setImmediate: (fn) => void turns.push(fn) });
  const flushed: string[] = [];
  const one = (name: string) => ({ flush: () => void flushed.push(name) });
  const broken = {
    flush() {
      throw new Error('broken');
    },
  };
  for (const flushable of [one('first'), broken, one('second'), one('third')]) turn.flushAtEnd(flushable);
  expect(turns.shift()).toThrow('broken');
  turns.shift()?.();
  expect(flushed).toEqual(['first', 'second', 'third']);
  expect(turns).toEqual([]);
});

test('a list whose turn never ended is flushed after a second, at the next write', async () => {
  let nowMs = 0;
  const turn = new Turn({ nowMs: () => nowMs, setImmediate: () => {}, soon: timers.soon });
  const flushed: string[] = [];
  const one = (name: string) => ({ flush: () => void flushed.push(name) });
  turn.flushAtEnd(one('first'));
  nowMs += 900;
  turn.flushOverdue();
  turn.flushAtEnd(one('second'));
  nowMs += 200;
  turn.flushOverdue();
  await expect.poll(() => flushed).toEqual(['first', 'second']);
  turn.flushAtEnd(one('third'));
  nowMs += 2_000;
  turn.flushAtEnd(one('fourth'));
  await expect.poll(() => flushed).toEqual(['first', 'second', 'third', 'fourth']);
});
