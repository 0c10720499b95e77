import { timers } from '@podwire/core';
import { expect, test, vi } from 'vitest';
import { flushAtEndOfTurn, flushOverdue } from './turn.ts';

test('one that throws keeps nobody else from being flushed', () => {
  const turns: (() => void)[] = [];
  using _ = vi.spyOn(timers, 'setImmediate').mockImplementation((fn) => void turns.push(fn));
  const flushed: string[] = [];
  const one = (name: string) => ({ flush: () => void flushed.push(name) });
  const broken = {
    flush() {
      throw new Error('broken');
    },
  };
  for (const flushable of [one('first'), broken, one('second'), one('third')]) flushAtEndOfTurn(flushable);
  expect(turns.shift()).toThrow('broken');
  turns.shift()?.();
  expect(flushed).toEqual(['first', 'second', 'third']);
  expect(turns).toEqual([]);
});

test('a list whose turn never ended is flushed after a second, when somebody writes', async () => {
  using _ = vi.spyOn(timers, 'setImmediate').mockImplementation(() => {});
  let nowMs = timers.nowMs();
  using _clock = vi.spyOn(timers, 'nowMs').mockImplementation(() => nowMs);
  const flushed: string[] = [];
  const one = (name: string) => ({ flush: () => void flushed.push(name) });
  flushAtEndOfTurn(one('first'));
  nowMs += 900;
  flushOverdue();
  flushAtEndOfTurn(one('second'));
  nowMs += 200;
  flushOverdue();
  await expect.poll(() => flushed).toEqual(['first', 'second']);
  flushAtEndOfTurn(one('third'));
  nowMs += 2_000;
  flushAtEndOfTurn(one('fourth'));
  await expect.poll(() => flushed).toEqual(['first', 'second', 'third', 'fourth']);
});
