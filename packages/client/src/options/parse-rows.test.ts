import { expect, test } from 'vitest';
import type { Rows } from './option-kinds.ts';
import { namesIn, parseRows } from './parse-rows.ts';

const rows = {
  share: { kind: 'number', min: 0, max: 1, default: 0.5 },
  color: { kind: 'word', words: ['red', 'green'] },
  shape: { kind: 'word', words: ['round', 'square'], default: 'round' },
  limits: { kind: 'group' },
  'limits.calls': { kind: 'integer', min: 1, default: 7 },
  'limits.slow': { kind: 'group', optional: true },
  'limits.slow.overMs': { kind: 'integer', min: 1 },
  'limits.slow.exact': { kind: 'flag', default: false },
  twice: { kind: 'special', parse: (value, path) => `${value} at ${path}` },
} as const satisfies Rows;

const parse = (values: object) => parseRows(rows, values as Record<string, unknown>, (name) => `o.${name}`);

test('an option that is not given has its default, and an optional group is absent', () => {
  expect(parse({})).toEqual({
    share: 0.5,
    color: undefined,
    shape: 'round',
    limits: { calls: 7, slow: undefined },
    twice: 'undefined at o.twice',
  });
});

test('a group within a group has the defaults of its members once it is given', () => {
  expect(parse({ limits: { slow: { overMs: 3 } } }).limits).toEqual({
    calls: 7,
    slow: { overMs: 3, exact: false },
  });
});

test.each([
  [{ share: 2 }, 'o.share: 2 must be a number from 0 to 1'],
  [{ color: 'blue' }, 'o.color: "blue" must be one of: red, green'],
  [{ limits: null }, 'o.limits: null must be an object'],
  [{ limits: { call: 1 } }, "o.limits.call is unknown; did you mean 'calls'?"],
  [{ limits: { slow: {} } }, 'o.limits.slow.overMs: undefined must be an integer from 1'],
  [{ limits: { slow: { exact: 1 } } }, 'o.limits.slow.overMs: undefined must be an integer from 1'],
])('%j is refused with its path, value and rule', (values, message) => {
  expect(() => parse(values)).toThrow(message);
});

test('the names in a group are those of its own members', () => {
  expect(namesIn(rows, '')).toEqual(['share', 'color', 'shape', 'limits', 'twice']);
  expect(namesIn(rows, 'limits')).toEqual(['calls', 'slow']);
  expect(namesIn(rows, 'limits.slow')).toEqual(['overMs', 'exact']);
});

test('the values have the types of their rows', () => {
  const { share, shape, limits } = parse({});
  const typed: [number, 'round' | 'square', number | undefined] = [share, shape, limits.slow?.overMs];
  expect(typed).toEqual([0.5, 'round', undefined]);
});
