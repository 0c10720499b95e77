import { createContext, runInContext } from 'node:vm';
import { expect, test, vi } from 'vitest';
import * as first from './index.ts';
import { messageOf } from './message-of.ts';

test('an InvalidInput of another copy of the package is one, whichever of them asks', async () => {
  vi.resetModules();
  const second = await import('./index.ts');
  expect(second.InvalidInput).not.toBe(first.InvalidInput);
  const [one, other] = [first, second].map(
    ({ InvalidInput }) => new InvalidInput('options.x', 1, 'must be 2'),
  );
  for (const { InvalidInput } of [first, second]) {
    expect([one instanceof InvalidInput, other instanceof InvalidInput]).toEqual([true, true]);
    expect([new Error('x'), { name: 'InvalidInput' }, null, 'x'].some((x) => x instanceof InvalidInput)).toBe(
      false,
    );
  }
});

test('a subclass is told from its siblings', () => {
  class Narrow extends first.InvalidInput {}
  const narrow = new Narrow('x', 1, 'must be 2');
  expect([narrow instanceof Narrow, narrow instanceof first.InvalidInput]).toEqual([true, true]);
  expect(new first.InvalidInput('x', 1, 'must be 2') instanceof Narrow).toBe(false);
});

test("an error of another realm's class says its message", () => {
  const foreign = runInContext('new TypeError("no such Pod")', createContext());
  expect(foreign instanceof Error).toBe(false);
  expect(messageOf(foreign)).toBe('no such Pod');
  expect(['x', undefined, null, 1].map(messageOf)).toEqual(['x', 'undefined', 'null', '1']);
  const mute = Object.create(null, { message: { get: () => expect.fail('read') } });
  expect(messageOf(mute)).toBe('it failed without saying why');
});
