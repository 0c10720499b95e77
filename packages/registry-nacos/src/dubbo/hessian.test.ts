import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { HessianReader, hessianMap, hessianText } from './hessian.ts';
import { findService, readMetadataInfo } from './metadata-info.ts';

const read = (...parts: (Uint8Array | string | number)[]) => {
  const bytes = parts.map((part) =>
    typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part as string),
  );
  return new HessianReader(Buffer.concat(bytes)).read();
};
/** A class and, of it, the values of one object. */
const object = (name: string, fields: Readonly<Record<string, Uint8Array>>, at: number) => [
  ...[Buffer.from('C'), hessianText(name), Buffer.from([0x90 + Object.keys(fields).length])],
  ...Object.keys(fields).map(hessianText),
  ...[Buffer.from([0x60 + at]), ...Object.values(fields)],
];

it.each<[unknown, readonly (Uint8Array | string | number)[]]>([
  ['', [0]],
  ['hello', [5, 'hello']],
  ['é€😀', [4, 'é€😀']],
  ['ab', ['R', 0, 1, 'a', 'S', 0, 1, 'b']],
  [null, ['N']],
  [true, ['T']],
  [-16, [0x80]],
  [47, [0xbf]],
  [-2048, [0xc0, 0]],
  [262_143, [0xd7, 0xff, 0xff]],
  [-1, ['I', 255, 255, 255, 255]],
  [15, [0xef]],
  [-2048, [0xf0, 0]],
  [-262_144, [0x38, 0, 0]],
  [1, ['L', 0, 0, 0, 0, 0, 0, 0, 1]],
  [12.25, ['D', 0x40, 0x28, 0x80, 0, 0, 0, 0, 0]],
  [1, [0x5c]],
  [-128, [0x5d, 0x80]],
  [
    [1, 'a'],
    [0x7a, 0x91, 1, 'a'],
  ],
  [[1], [0x71, 1, 't', 0x91]],
  [
    [1, 2],
    [0x57, 0x91, 0x92, 'Z'],
  ],
  [{ a: 1 }, ['H', 1, 'a', 0x91, 'Z']],
  [{ a: 1 }, ['M', 1, 't', 1, 'a', 0x91, 'Z']],
  [
    [[], []],
    [0x7a, 0x78, 'Q', 0x91],
  ],
])('reads %j', (value, bytes) => {
  expect(JSON.parse(JSON.stringify(read(...bytes)))).toEqual(value);
});

it('reads what dubbo-go and Dubbo for Java say that they have', () => {
  const service = object(
    'org.apache.dubbo.metadata.MetadataInfo$ServiceInfo',
    {
      name: hessianText('shop.Orders'),
      version: hessianText('1.0.0'),
      group: Buffer.from('N'),
      protocol: hessianText('tri'),
      params: hessianMap({ a: 'b' }),
    },
    1,
  );
  const services = Buffer.concat([
    Buffer.from('H'),
    hessianText('shop.Orders:1.0.0:tri'),
    ...service,
    Buffer.from('Z'),
  ]);
  const info = object('org.apache.dubbo.metadata.MetadataInfo', { app: hessianText('orders'), services }, 0);
  const found = readMetadataInfo(read(...info));
  expect(found).toEqual([{ name: 'shop.Orders', version: '1.0.0', group: '' }]);
  const ref = {
    mode: 'application',
    interface: 'shop.Orders',
    group: '',
    applications: [],
    methods: [],
  } as const;
  expect(findService(found, { ...ref, version: '1.0.0' })).toBe(found[0]);
  expect(findService(found, { ...ref, version: '' })).toBeUndefined();
  expect(findService(found, { ...ref, version: '1.0.0', group: 'g' })).toBeUndefined();
});

it.each([
  ['nested', 'U'.repeat(100)],
  ['defined', 'C\0\x90'.repeat(100)],
  ['cut off', 'S\0\x09abc'],
  ['longer than they are', 'VN'],
])('refuses values that are %s', (_what, bytes) => {
  expect(() => new HessianReader(Buffer.from(bytes, 'latin1')).read()).toThrow();
});

it('throws an error, or reads what bytes say, whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        readMetadataInfo(new HessianReader(bytes).read());
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect(error).not.toBeInstanceOf(RangeError);
      }
    }),
    { numRuns: 20_000 },
  );
});
