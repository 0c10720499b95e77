import { expect, test } from 'vitest';
import { InvalidInput, toEndpoint } from '../endpoint.ts';
import { readDocument } from './document.ts';

const said = { address: '10.0.0.1:50051', weight: 2, zone: 'a', attributes: { node: 'n1' } };
const plain = { address: '10.0.0.2:50051' };
const known = new Map(
  [said, plain].map((input) => toEndpoint(input)).map((endpoint) => [endpoint.id, endpoint] as const),
);

const read = (...endpoints: readonly object[]) => [
  ...readDocument(JSON.stringify({ services: { orders: { endpoints } } }), 'orders', known)!.values(),
];

test('a document that says the same of a Pod gives the same object', () => {
  const [first, second] = read({ ...said }, { ...plain, weight: 1, phase: 'serving', attributes: {} });
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
])('one that says something else gives another, %j', (input) => {
  const [endpoint] = read(input);
  expect(endpoint).toEqual(toEndpoint(input));
  expect(endpoint).not.toBe(known.get('10.0.0.1:50051'));
});

test.each(['null', '', '[]', '7'])('a document that is no object is named so, %j', (text) => {
  expect(() => readDocument(text, 'orders')).toThrow(/^document: .* must be an object$/);
});

test.each([
  { ...said, wieght: 2 },
  { ...plain, weight: '1' },
  { ...plain, attributes: [] },
  { ...plain, zone: '' },
])('what was right once is checked again when it changed, %j', (input) => {
  expect(() => read(input)).toThrow(InvalidInput);
});
