import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HpackDecoder } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';
import { huffmanDecode, huffmanEncode, huffmanLength } from './huffman.ts';
import { readInteger, writeInteger } from './integer.ts';

const decode = (decoder: HpackDecoder, hex: string) => {
  const block = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return decoder.decode(block, 0, block.length);
};
const decoder = (tableLimit = 4096, maxListBytes = 65_536) => new HpackDecoder(tableLimit, maxListBytes);
const REQUEST = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'];

describe('the examples of RFC 7541, appendix C', () => {
  test('requests without Huffman code (C.3) share one table', () => {
    const peer = decoder();
    expect(decode(peer, '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d').fields).toEqual(REQUEST);
    expect(decode(peer, '8286 84be 5808 6e6f 2d63 6163 6865').fields).toEqual([
      ...REQUEST,
      'cache-control',
      'no-cache',
    ]);
    decode(peer, '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65');
    expect([peer.table.length, peer.table.bytes]).toEqual([3, 164]);
  });

  test('requests with Huffman code (C.4)', () => {
    const peer = decoder();
    expect(decode(peer, '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff').fields).toEqual(REQUEST);
  });

  test('responses that evict entries from a table of 256 bytes (C.6)', () => {
    const peer = decoder(256);
    const first = decode(
      peer,
      '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
    );
    expect(first.fields.slice(0, 4)).toEqual([':status', '302', 'cache-control', 'private']);
    const second = decode(peer, '4883 640e ffc1 c0bf');
    expect(second.fields).toEqual([':status', '307', ...first.fields.slice(2)]);
    expect([peer.table.length, peer.table.bytes]).toEqual([4, 222]);
  });
});

describe('the encoder', () => {
  const head = [
    ':method',
    'POST',
    ':scheme',
    'http',
    ':path',
    '/a.B/C',
    'te',
    'trailers',
    'user-agent',
    'x/1',
  ];

  test('makes a repeated head a few bytes', () => {
    const encoder = new HpackEncoder();
    const target = Buffer.alloc(1024);
    const first = encoder.writeRepeated(target, 0, head);
    const second = encoder.writeRepeated(target, first, head);
    expect(second - first).toBe(head.length / 2);
    const peer = decoder();
    expect(peer.decode(target, 0, first).fields).toEqual(head);
    expect(peer.decode(target, first, second).fields).toEqual(head);
  });

  test('follows a smaller and then larger table of the peer', () => {
    const encoder = new HpackEncoder();
    const target = Buffer.alloc(1024);
    const peer = decoder();
    peer.decode(target, 0, encoder.writeRepeated(target, 0, head));
    encoder.setTableLimit(60);
    encoder.setTableLimit(1_000_000);
    const start = encoder.writeTableSize(target, 0);
    expect(peer.decode(target, 0, encoder.writeRepeated(target, start, head)).fields).toEqual(head);
    expect(peer.table.maxBytes).toBe(4096);
  });

  test('never lets credentials into a table', () => {
    const encoder = new HpackEncoder();
    const target = Buffer.alloc(1024);
    encoder.writeOnce(target, 0, ['authorization', 'Bearer x']);
    expect(target[0]).toBe(0x10);
    encoder.writeRepeated(target, 0, ['cookie', 'secret']);
    expect(encoder.table.length).toBe(0);
  });

  test('whatever it encodes is decoded again, over any sequence of blocks and table sizes', () => {
    const text = fc.string({
      maxLength: 60,
      unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)),
    });
    const name = fc.oneof(
      text,
      fc.constantFrom(':path', 'te', 'content-type', 'authorization', 'grpc-timeout'),
    );
    const step = fc.record({
      size: fc.option(fc.integer({ min: 0, max: 5000 }), { nil: undefined }),
      repeated: fc.array(fc.tuple(name, text), { maxLength: 6 }),
      once: fc.array(fc.tuple(name, text), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const encoder = new HpackEncoder();
        const peer = decoder();
        for (const { size, repeated, once } of steps) {
          if (size !== undefined) encoder.setTableLimit(size);
          const target = Buffer.alloc(encoder.maxBytes([...repeated, ...once].flat()));
          const start = encoder.writeTableSize(target, 0);
          const middle = encoder.writeRepeated(target, start, repeated.flat());
          const end = encoder.writeOnce(target, middle, once.flat());
          expect(peer.decode(target, 0, end).fields).toEqual([...repeated, ...once].flat());
        }
      }),
      { seed: 7541, numRuns: 300 },
    );
  });
});

describe('what is not HPACK is refused', () => {
  test.each([
    ['the index 0', '80'],
    ['an index beyond the table', 'be'],
    ['a name beyond the table', '7e 01 61'],
    ['an integer cut short', 'ff'],
    ['an integer without end', 'ff ffff ffff ffff ff7f'],
    ['a string longer than its block', '00 05 6161'],
    ['Huffman code padded with zeros', '00 81 00 00'],
    ['Huffman code padded with a byte of ones', '00 82 1f ff 00'],
    ['the end-of-string symbol', '00 84 ffff ffff 00'],
    ['a table above the limit', '3f e2 1f'],
    ['three changes of the table size', '20 20 20'],
    ['a change of the table size behind a field', '82 20'],
  ])('%s', (_title, hex) => {
    expect(() => decode(decoder(), hex)).toThrow(/^HPACK: /);
  });

  test('random bytes are decoded or refused, and never take much', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (blocks) => {
        const peer = decoder(4096, 1000);
        for (const block of blocks) {
          try {
            const list = peer.decode(Buffer.from(block), 0, block.length);
            expect(list.fields.join('').length).toBeLessThanOrEqual(1000);
          } catch (error) {
            expect((error as Error).message).toMatch(/^HPACK: /);
            return;
          }
          expect(peer.table.bytes).toBeLessThanOrEqual(4096);
        }
      }),
      { seed: 9113, numRuns: 2000 },
    );
  });
});

test('a short block that stands for a huge list is followed and not kept', () => {
  const peer = decoder();
  const name = Buffer.alloc(4000, 'a');
  decode(peer, `40 7f a11e ${name.toString('hex')} 00`);
  const bomb = peer.decode(Buffer.alloc(16_384, 0xbe), 0, 16_384);
  expect(bomb.tooLarge).toBe(true);
  expect(bomb.bytes).toBeGreaterThan(60_000_000);
  expect(bomb.fields.length).toBeLessThan(40);
});

test('Huffman code of any text is read back', () => {
  const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('');
  const target = Buffer.alloc(2000);
  const end = huffmanEncode(all, target, 0);
  expect(end).toBe(huffmanLength(all));
  const back = Buffer.alloc(2000);
  expect(back.toString('latin1', 0, huffmanDecode(target, 0, end, back))).toBe(all);
});

test('integers are read back, with every prefix', () => {
  const target = Buffer.alloc(8);
  for (const value of [0, 1, 30, 31, 127, 128, 255, 1337, 65_535, 2 ** 28 - 1]) {
    for (let bits = 1; bits <= 8; bits++) {
      const end = writeInteger(target, 0, 0, bits, value);
      expect(readInteger(target, 0, end, bits)).toBe(value);
    }
  }
});
