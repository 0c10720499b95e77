import { expect, it } from 'vitest';
import { MAX_OBJECTS, Mirror } from './mirror.ts';
import { MAX_MEMBERS } from './slices/read.ts';
import { ENDPOINT_SLICES } from './slices/resource.ts';

const mirror = () => new Mirror(ENDPOINT_SLICES, { namespace: 'prod', name: 'orders' });
let version = 0;
const object = (name: string, pods: number) => ({
  metadata: { name, uid: name, resourceVersion: String(++version) },
  addressType: 'IPv4',
  endpoints: Array.from({ length: pods }, (_, i) => ({ addresses: [`10.0.${i >> 8}.${i & 255}`] })),
});
const members = ({ objects }: Mirror) =>
  [...objects].flatMap(({ slices }) => slices).reduce((sum, slice) => sum + slice.members.length, 0);

it('does not grow with what a server says of a million Pods, and says what is left out', () => {
  const all = mirror();
  const perSlice = 1_000;
  for (let i = 0; i < 1_000; i++) all.put(object(`orders-${i}`, perSlice));
  expect(members(all)).toBe(MAX_MEMBERS);
  const dropped = [...all.objects].flatMap((slice) => slice.dropped);
  expect(dropped).toHaveLength(900);
  expect(dropped[0]).toBe(`endpointslices/orders-100: 1000 endpoints more than the limit of ${MAX_MEMBERS}`);
  // Where room is made, there is room.
  all.change('DELETED', object('orders-0', 0));
  all.change('MODIFIED', object('orders-500', 10));
  expect(members(all)).toBe(MAX_MEMBERS - perSlice + 10);
});

it('does not grow with ever new slices', () => {
  const all = mirror();
  for (let i = 0; i < MAX_OBJECTS + 5; i++) all.put(object(`orders-${i}`, 0));
  for (let i = 0; i < 50; i++) all.put({ metadata: {} });
  expect(all.size).toBe(MAX_OBJECTS);
  expect(all.unusable).toHaveLength(21);
  expect(all.unusable.at(-1)).toBe('endpointslices: 5 more than the limit of 10000 objects');
});
