import { expect, test } from 'vitest';
import { parseYaml } from './yaml.ts';

test('keys are text, whatever they look like', () => {
  expect(parseYaml('1: a\ntrue: [b]\n? c\n: d')).toEqual({ 1: 'a', true: ['b'], c: 'd' });
  expect(() => parseYaml('? [a]\n: b')).toThrow('keys');
});

test('what is usual is read', () => {
  expect(parseYaml('a: &x { b: [1, "2"] }\nc: *x')).toEqual({ a: { b: [1, '2'] }, c: { b: [1, '2'] } });
  expect(parseYaml('')).toBeNull();
  const deep = `${'['.repeat(60)}1${']'.repeat(60)}`;
  expect(parseYaml(deep)).toEqual(JSON.parse(deep));
});

// Each of these takes YAML's parser the process, or minutes.
test.each(['[', '{', '- ', '? ', '{a: ', '- {a: [', '[? '])('%j without end is refused soon', (part) => {
  for (const text of [part.repeat(500), part.repeat(32_768)]) {
    expect(() => parseYaml(text)).toThrow('nested deeper than 64 levels');
  }
});

/** Each names the one before ten times: ten lines are billions of values. */
function laughs(lines: number): string {
  const all = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < lines; i++)
    all.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  return all.join('\n');
}

test('aliases that expand without bound are refused', () => {
  expect(() => parseYaml(laughs(10))).toThrow('its aliases make more than 1000000 values of it');
  const merges = Array.from({ length: 2_000 }, (_, i) => `m${i}: {<<: *keys}`).join('\n');
  const keys = Array.from({ length: 1_000 }, (_, i) => `k${i}: 1`).join(', ');
  expect(() => parseYaml(`keys: &keys {${keys}}\n${merges}`)).toThrow('its aliases make more than');
  expect(parseYaml(laughs(4))).toHaveProperty('a3');
});

test('aliases that nest deeper than a document may are refused, and one that stands in itself', () => {
  const chain = Array.from({ length: 100 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}]`).join('\n');
  expect(() => parseYaml(`a0: &a0 [x]\n${chain}`)).toThrow('nested deeper than 64 levels');
  expect(() => parseYaml('a: &a [*a]')).toThrow('the alias *a stands in what it names');
  expect(() => parseYaml('a: *b\nb: &b 1')).toThrow('the alias *b names nothing that stands before it');
});

test.each([1, 99, 100, 101, 5_000])('one alias may be used %i times', (uses) => {
  const list = '- { address: x, attributes: *labels }\n'.repeat(uses);
  const { endpoints } = parseYaml(`labels: &labels { app: orders, tier: web }\nendpoints:\n${list}`) as {
    endpoints: unknown[];
  };
  expect(endpoints).toHaveLength(uses);
  expect(endpoints.at(-1)).toEqual({ address: 'x', attributes: { app: 'orders', tier: 'web' } });
});

test('merge keys are merged: what stands in the map wins, then what is merged first', () => {
  const text = `
base: &base { weight: 2, zone: a }
more: &more { zone: b, phase: draining }
list:
  - { <<: *base, address: x }
  - zone: c
    <<: *base
  - <<: [*base, *more, { port: 1 }]
  - <<: *more
    <<: *base
  - &nested { <<: *base, zone: d }
  - { <<: *nested, address: y }
  - { "<<": 1 }`;
  expect((parseYaml(text) as { list: unknown }).list).toEqual([
    { address: 'x', weight: 2, zone: 'a' },
    { zone: 'c', weight: 2 },
    { weight: 2, zone: 'a', phase: 'draining', port: 1 },
    { zone: 'b', phase: 'draining', weight: 2 },
    { weight: 2, zone: 'd' },
    { weight: 2, zone: 'd', address: 'y' },
    { '<<': 1 },
  ]);
  for (const wrong of ['5', '[5]', '~', '[[]]']) {
    expect(() => parseYaml(`a: { <<: ${wrong} }`)).toThrow(
      "the merge key '<<' needs a map, or a list of maps",
    );
  }
});

test('a key that stands twice is named, and __proto__ is a key like any other', () => {
  expect(() => parseYaml('a: 1\nb: { c: 1, c: 2 }')).toThrow('the key "c" stands twice in one map');
  const value = parseYaml('__proto__: { a: 1 }\nb: { <<: { __proto__: 2 } }') as Record<string, object>;
  expect(Object.keys(value)).toEqual(['__proto__', 'b']);
  expect(Object.keys(value.b!)).toEqual(['__proto__']);
  expect(({} as Record<string, unknown>).a).toBeUndefined();
});

test('an anchor may be given again, and to a key', () => {
  expect(parseYaml('a: &x 1\nb: *x\nc: &x 2\nd: *x')).toEqual({ a: 1, b: 1, c: 2, d: 2 });
  expect(parseYaml('&k a: 1\nb: *k')).toEqual({ a: 1, b: 'a' });
});

test.each(['little-endian', 'big-endian'])('UTF-16 is named as such, %s', (order) => {
  const encode = (text: string) =>
    order === 'little-endian' ? Buffer.from(text, 'utf16le') : Buffer.from(text, 'utf16le').swap16();
  for (const text of ['\uFEFF{"a": 1}', '{"a": 1}', '\uFEFFa: 1', 'a: 1']) {
    expect(() => parseYaml(encode(text).toString('utf8'))).toThrow('it is UTF-16: save it as UTF-8');
  }
});

test('a byte order mark of UTF-8 is no part of the text', () => {
  expect(parseYaml('\uFEFF{"a": 1}')).toEqual({ a: 1 });
  expect(parseYaml('\uFEFFa: 1')).toEqual({ a: 1 });
});
