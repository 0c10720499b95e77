import { compressor, decompressor, type Field } from 'hpack.js';
import { expect, test } from 'vitest';
import { HpackDecoder } from '../../packages/http2/src/own/hpack/decoder.ts';
import { HpackEncoder } from '../../packages/http2/src/own/hpack/encoder.ts';

const head = (method: string) => [
  ...[':method', 'POST', ':scheme', 'http', ':path', `/orders.Orders/${method}`, ':authority', 'orders'],
  ...['te', 'trailers', 'content-type', 'application/grpc', 'user-agent', 'podwire/0.1.0'],
];

function fieldsOf(codec: ReturnType<typeof decompressor.create>): string[] {
  const fields: string[] = [];
  for (let field = codec.read() as Field | null; field !== null; field = codec.read() as Field | null) {
    fields.push(field.name, field.value);
  }
  return fields;
}

test('an independent decoder reads what our encoder writes, over 3 000 blocks and a full table', () => {
  const encoder = new HpackEncoder();
  const peer = decompressor.create({ table: { maxSize: 4096 } });
  for (let i = 0; i < 3_000; i++) {
    const repeated = head(`Method${i % 150}`);
    const once = ['grpc-timeout', `${i}m`, 'x-request-id', `id-${i * 7919}`.repeat(1 + (i % 9))];
    const target = Buffer.alloc(encoder.maxBytes([...repeated, ...once]));
    const end = encoder.writeOnce(target, encoder.writeRepeated(target, 0, repeated), once);
    peer.write(target.subarray(0, end));
    peer.execute();
    expect(fieldsOf(peer)).toEqual([...repeated, ...once]);
  }
  expect(encoder.table.bytes).toBeGreaterThan(3_900);
});

test('an independent decoder follows our changes of table size, Huffman code or not, and fields that are never indexed', () => {
  const encoder = new HpackEncoder();
  const peer = decompressor.create({ table: { maxSize: 4096 } });
  const limits = [4096, 300, 0, 64, 4096, 1000];
  const seen = { huffman: 0, plain: 0, neverIndexed: 0, resized: 0 };
  for (let i = 0; i < 3_000; i++) {
    if (i % 25 === 0) encoder.setTableLimit(limits[(i / 25) % limits.length]!);
    // Two changes between blocks: the smallest must be told as well (RFC 7541 §4.2).
    if (i % 300 === 7) for (const bytes of [0, 4096]) encoder.setTableLimit(bytes);
    const repeated = head(`Method${i % 40}`);
    // What repeats is worth Huffman code, a call's own fields are written as they are.
    const once = [
      'x-digits',
      `${i}`.repeat(1 + (i % 60)),
      'x-rare',
      '{|}~^'.repeat(1 + (i % 40)),
      'authorization',
      `Bearer ${i}`,
    ];
    const target = Buffer.alloc(encoder.maxBytes([...repeated, ...once]) + 16);
    if (encoder.resized) seen.resized += 1;
    const start = encoder.writeTableSize(target, 0);
    const end = encoder.writeOnce(target, encoder.writeRepeated(target, start, repeated), once);
    const text = target.toString('latin1', 0, end);
    // Without a table nothing can stand for it but its code.
    if (encoder.table.maxBytes === 0 && !text.includes('podwire/0.1.0')) seen.huffman += 1;
    seen.plain += text.includes(once[3]!) ? 1 : 0;
    peer.write(target.subarray(0, end));
    peer.execute();
    const fields: Field[] = [];
    for (let field = peer.read() as Field | null; field !== null; field = peer.read() as Field | null)
      fields.push(field);
    expect(fields.flatMap(({ name, value }) => [name, value])).toEqual([...repeated, ...once]);
    seen.neverIndexed += fields.at(-1)!.neverIndex ? 1 : 0;
  }
  expect(seen.resized).toBeGreaterThan(100);
  expect(seen.huffman).toBeGreaterThan(300);
  expect(seen.plain).toBeGreaterThan(2_000);
  expect(seen.neverIndexed).toBe(3_000);
});

test('our decoder reads what an independent encoder writes, over 3 000 blocks that turn its table over', () => {
  const peer = compressor.create({ table: { maxSize: 4096 } });
  const decoder = new HpackDecoder(4096, 65_536);
  for (let i = 0; i < 3_000; i++) {
    const fields = [...head(`Method${i % 150}`), 'x-request-id', `id-${i * 7919}`];
    const list: Field[] = [];
    for (let k = 0; k < fields.length; k += 2) list.push({ name: fields[k]!, value: fields[k + 1]! });
    peer.write(list);
    const block = peer.read() as Buffer;
    expect(decoder.decode(block, 0, block.length).fields).toEqual(fields);
  }
});
