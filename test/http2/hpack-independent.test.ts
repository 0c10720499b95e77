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
  const peer = decompressor.create({ table: { size: 4096 } });
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

test('our decoder reads what an independent encoder writes, over 3 000 blocks that turn its table over', () => {
  const peer = compressor.create({ table: { size: 4096 } });
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
