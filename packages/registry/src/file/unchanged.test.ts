import { expect, test } from 'vitest';
import { InvalidInput, toEndpoint } from '../endpoint.ts';
import { EndpointTable } from '../endpoint-table.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { Turns } from '../wait.ts';
import { readDocument } from './document.ts';

const said = { address: '10.0.0.1:50051', weight: 2, zone: 'a', attributes: { node: 'n1' } };
const plain = { address: '10.0.0.2:50051' };
const known = new EndpointTable();
known.apply({ type: 'reset', endpoints: [said, plain].map((input) => toEndpoint(input)) });

const turns = new Turns(new VirtualClock(), new AbortController().signal);

async function read(...inputs: readonly object[]) {
  const text = JSON.stringify({ services: { orders: { endpoints: inputs } } });
  return (await readDocument(text, 'orders', turns, known))!;
}

test('a document that says the same of a Pod gives the same object', async () => {
  const [first, second] = await read({ ...said }, { ...plain, weight: 1, phase: 'serving', attributes: {} });
  expect(first).toBe(known.get('10.0.0.1:50051'));
  expect(second).toBe(known.get('10.0.0.2:50051'));
});

test.each([
  { ...said, weight: 3 },
  { ...said, zone: 'b' },
  { ...said, zone: undefined },
  { ...said, phase: 'draining' },
  { ...said, attributes: undefined },
  { ...said, attributes: { node: 'n2' } },
  { ...said, attributes: { node: 'n1', rack: 'r1' } },
])('one that says something else gives another, %j', async (input) => {
  const [endpoint] = await read(input);
  expect(endpoint).toEqual(toEndpoint(input));
  expect(endpoint).not.toBe(known.get('10.0.0.1:50051'));
});

test.each(['null', '', '[]', '7'])('a document that is no object is named so, %j', async (text) => {
  await expect(readDocument(text, 'orders', turns, known)).rejects.toThrow(
    /^document: .* must be an object$/,
  );
});

test.each([
  { ...said, wieght: 2 },
  { ...plain, weight: '1' },
  { ...plain, attributes: [] },
  { ...plain, zone: '' },
])('what was right once is checked again when it changed, %j', async (input) => {
  await expect(read(input)).rejects.toThrow(InvalidInput);
});

test('a large document is checked in turns, between which other work is done', async () => {
  let nowMs = 0;
  let others = 0;
  const clock = new VirtualClock();
  // Each look at this clock shows that a millisecond passed: work takes time.
  const busy = Object.assign(Object.create(clock) as VirtualClock, {
    nowMs: () => nowMs++,
    after(_delayMs: number, fn: () => void) {
      others += 1;
      setImmediate(fn);
      return { cancel() {} };
    },
  });
  const endpoints = Array.from({ length: 1_000 }, (_, i) => ({ address: `10.0.${i >> 8}.${i & 255}:1` }));
  const text = JSON.stringify({ services: { orders: { endpoints } } });
  const read = await readDocument(text, 'orders', new Turns(busy, new AbortController().signal), known);
  expect(read).toHaveLength(1_000);
  expect(others).toBeGreaterThan(4);
});
