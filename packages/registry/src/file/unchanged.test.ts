import { InvalidInput, Turns } from '@podwire/core';
import { VirtualClock } from '@podwire/core/testing';
import { expect, test } from 'vitest';
import { toEndpoint } from '../endpoint.ts';
import { DocumentReader } from './document.ts';

const said = { address: '10.0.0.1:50051', weight: 2, zone: 'a', attributes: { node: 'n1' } };
const plain = { address: '10.0.0.2:50051' };
const turns = new Turns(new VirtualClock(), new AbortController().signal);
const bytes = (...inputs: readonly object[]) =>
  Buffer.from(JSON.stringify({ services: { orders: { endpoints: inputs } } }));

/** What a reader makes of two documents, one after the other. */
async function read(...inputs: readonly object[]) {
  const reader = new DocumentReader('orders');
  const before = await reader.read(bytes(said, plain), turns);
  return { before: before!, after: (await reader.read(bytes(...inputs), turns))! };
}

test('a document that says the same of a Pod gives the same object', async () => {
  const again = { ...plain, weight: 1, phase: 'serving', attributes: {} };
  const { before, after } = await read({ ...said }, again);
  expect(after[0]).toBe(before[0]);
  expect(after[1]).toBe(before[1]);
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
  const { before, after } = await read(input);
  expect(after).toEqual([toEndpoint(input)]);
  expect(after[0]).not.toBe(before[0]);
});

test.each(['null', '', '[]', '7'])('a document that is no object is named so, %j', async (text) => {
  await expect(new DocumentReader('orders').read(Buffer.from(text), turns)).rejects.toThrow(
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
  const reader = new DocumentReader('orders');
  const list = await reader.read(bytes(...endpoints), new Turns(busy, new AbortController().signal));
  expect(list).toHaveLength(1_000);
  expect(others).toBeGreaterThan(4);
});
