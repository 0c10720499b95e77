import { Turns } from '@podwire/core';
import { VirtualClock } from '@podwire/core/testing';
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { DocumentReader } from './document.ts';

const turns = new Turns(new VirtualClock(), new AbortController().signal);

/** What a reader says of a document: its endpoints, or its complaint. */
async function outcome(reader: DocumentReader, text: string | Buffer): Promise<unknown> {
  try {
    return (await reader.read(Buffer.from(text as string), turns))?.map((endpoint) => ({ ...endpoint }));
  } catch (error) {
    return (error as Error).message;
  }
}

/** One reader reads all documents, one after the other, and says of each what one says that has read none before. */
async function sayTheSame(documents: readonly (string | Buffer)[], service = 'orders'): Promise<void> {
  const reader = new DocumentReader(service);
  for (const document of documents) {
    expect(await outcome(reader, document)).toEqual(await outcome(new DocumentReader(service), document));
  }
}

const space = fc.constantFrom('', '', '', ' ', '\n', '\r\n  ', '\t');
// Characters that a parser that only counts braces would take for punctuation.
const text = fc.oneof(
  fc.constantFrom('}', '{', ']', ',', '"', '\\', '\\"', '"}', '{"address":"x"}', 'é', '語', '\u2028', ''),
  fc.string({ unit: 'grapheme', maxLength: 4 }),
);
const endpoint = fc
  .record(
    {
      address: fc.nat(30).map((i) => `10.0.0.${i}:1`),
      weight: fc.constantFrom(0, 1, 2.5, 1e3, -1),
      zone: text,
      attributes: fc.dictionary(text, text, { maxKeys: 2 }),
      wieght: fc.constant(1),
    },
    { requiredKeys: ['address'] },
  )
  .map(({ wieght, ...rest }) => (rest.zone === 'é' ? { ...rest, wieght } : rest));

/** An endpoint is what it is in JSON, with white space here and there. */
const element = fc
  .tuple(endpoint, fc.nat(2))
  .map(([value, indent]) => JSON.stringify(value, null, indent).replaceAll('10.0.0.7', '10.0\\u002e0.7'));

function document(elements: readonly string[], [a, b, c]: readonly string[], around: string): string {
  const list = `[${a}${elements.join(`${b},${c}`)}${a}]`;
  const services = `{"other":{"endpoints":[{"address":"a:1"}]},"orders":{"endpoints":${list}},"more":{}}`;
  const all = {
    plain: services,
    twice: `{"orders":{"endpoints":[]},${services.slice(1)}`,
    odd: `{"x":5,${services.slice(1)}`,
  };
  return `{${b}"services"${a}:${c}${all[around as keyof typeof all]}}${b}`;
}

/** Edits of a list: a cut, an insertion, a swap, a change of one. */
const edit = fc.tuple(
  fc.constantFrom('cut', 'insert', 'swap', 'none', 'all'),
  fc.nat(),
  fc.nat(4),
  fc.array(element, { maxLength: 4 }),
);

function edited(
  list: readonly string[],
  [what, at, count, more]: [string, number, number, string[]],
): string[] {
  const i = list.length === 0 ? 0 : at % list.length;
  if (what === 'all') return more;
  if (what === 'none') return [...list];
  if (what === 'swap') return [...list.slice(i), ...list.slice(0, i)];
  return what === 'cut' ? list.toSpliced(i, count) : list.toSpliced(i, count, ...more);
}

test('documents read after one another are read as if each were the first', async () => {
  const documents = fc
    .tuple(
      fc.array(element, { maxLength: 40 }),
      fc.array(edit, { minLength: 1, maxLength: 5 }),
      fc.tuple(space, space, space),
      fc.constantFrom('plain', 'plain', 'plain', 'twice', 'odd'),
    )
    .map(([first, edits, spaces, around]) => {
      const lists = [first];
      for (const one of edits) lists.push(edited(lists.at(-1)!, one));
      return lists.map((list) => document(list, spaces, around));
    });
  await fc.assert(
    fc.asyncProperty(documents, (all) => sayTheSame(all)),
    { numRuns: 500 },
  );
});

test('what was broken somewhere is as broken as if it were the first', async () => {
  const broken = fc.tuple(
    fc.array(element, { minLength: 1, maxLength: 10 }),
    fc.array(
      fc.tuple(
        fc.constantFrom('cut', 'put', 'set'),
        fc.nat(),
        fc.constantFrom(...'{}[],:"\\ \n0x', '\u00ff'),
      ),
      {
        minLength: 1,
        maxLength: 2,
      },
    ),
  );
  const property = fc.asyncProperty(broken, async ([list, breaks]) => {
    const good = document(list, ['', '', ' '], 'plain');
    let bytes = Buffer.from(good);
    for (const [what, at, letter] of breaks) {
      const i = at % bytes.length;
      const put = what === 'cut' ? Buffer.alloc(0) : Buffer.from(letter, 'latin1');
      bytes = Buffer.concat([bytes.subarray(0, i), put, bytes.subarray(what === 'put' ? i : i + 1)]);
    }
    await sayTheSame([good, bytes, good, bytes]);
  });
  await fc.assert(property, { numRuns: 300 });
});

test.each([
  ['a byte order mark', '\uFEFF', ''],
  ['a comment that YAML has behind it', '', ' # [{}]'],
  ['space around it', '\n ', '\n'],
])('a document with %s', async (_what, before, after) => {
  const of = (...ids: number[]) =>
    `${before}${document(
      ids.map((i) => `{"address":"10.0.0.${i}:1"}`),
      ['', '', ''],
      'plain',
    )}${after}`;
  await sayTheSame([of(1, 2, 3), of(1, 3), of(1, 3, 4), of(), of(5), of(1, 2, 3, 4, 5)]);
});

test('YAML in braces, whose quotes and comments are not those of JSON', async () => {
  const of = (list: string) => `{"services": {"orders": {"endpoints": [${list}]}}}`;
  const one = `{"address": 'a:1', "zone": '}'}`;
  const two = `{"address": "b:1" # }\n}`;
  await sayTheSame([of(one), of(`${one}, ${two}`), of(two), of(`${two}, {"address": 'c}:1'}`)]);
});

afterEach(() => vi.restoreAllMocks());

const address = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:50051`;
const large = (from: number, count: number) =>
  JSON.stringify({
    services: {
      orders: { endpoints: Array.from({ length: count }, (_, i) => ({ address: address(from + i) })) },
    },
  });

test.each([
  ['the first leave and others come at the end', large(0, 10_000), large(100, 10_000)],
  [
    'some come in the middle',
    large(0, 10_000),
    large(0, 10_000).replace(`{"address":"${address(5_000)}"}`, large(20_000, 100).slice(36, -4)),
  ],
  [
    'one says something else',
    large(0, 10_000),
    large(0, 10_000).replace(`"${address(7_000)}"`, '$&,"weight":2'),
  ],
])('of a large document little is parsed when %s', async (_what, before, after) => {
  const reader = new DocumentReader('orders');
  const first = await reader.read(Buffer.from(before), turns);
  const parse = vi.spyOn(JSON, 'parse');
  const second = await reader.read(Buffer.from(after), turns);
  const characters = parse.mock.calls.reduce((sum, [part]) => sum + part.length, 0);
  parse.mockRestore();
  expect(characters).toBeLessThan(after.length / 50);
  const fresh = await new DocumentReader('orders').read(Buffer.from(after), turns);
  expect(second).toEqual(fresh);
  const kept = new Set(first);
  expect(second!.filter((one) => !kept.has(one)).length).toBeLessThanOrEqual(101);
});
