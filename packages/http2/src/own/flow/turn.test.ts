import { expect, test, vi } from 'vitest';
import { flushAtEndOfTurn } from './turn.ts';

test('one that throws keeps nobody else from being flushed', () => {
  const turns: (() => void)[] = [];
  using _ = vi.spyOn(globalThis, 'setImmediate').mockImplementation((fn) => {
    turns.push(fn as () => void);
    return undefined as unknown as NodeJS.Immediate;
  });
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
