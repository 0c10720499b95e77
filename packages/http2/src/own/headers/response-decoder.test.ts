import { expect, test } from 'vitest';
import { ResponseDecoder } from './response-decoder.ts';

const resized = (bytes: number) => {
  const rest = bytes - 31;
  return [0x3f, (rest & 0x7f) | 0x80, rest >>> 7];
};
/** The only entry of the dynamic table, or a new one. */
const ENTRY = 0xbe;
const added = [0x40, 1, 0x78, 100, ...new Array<number>(100).fill(0x79)];

test('a block that only repeated the size of the table says more once that size has changed', () => {
  const decoder = new ResponseDecoder(65_536);
  const decode = (...bytes: number[]) => decoder.decode(Buffer.from(bytes), 0, bytes.length);
  const STATUS_200 = 0x88;
  decode(...resized(4096), STATUS_200);
  decode(...resized(100), STATUS_200);
  decode(...resized(4096), STATUS_200);
  // 133 bytes, for which a table of 100 has no room.
  decode(STATUS_200, ...added);
  expect(decode(STATUS_200, ENTRY).headers).toEqual(['x', 'y'.repeat(100)]);
});
