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

test('aliases that expand without bound are refused', () => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 10; i++) {
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  }
  expect(() => parseYaml(lines.join('\n'))).toThrow('alias');
});
