import { expect, test } from 'vitest';
import { HpackDecoder } from '../../packages/http2/src/own/hpack/decoder.ts';
import { hpackEncoders, hpackStories } from '../servers/hpack-corpus.mjs';

const encoders = hpackEncoders();
let stories = 0;
let blocks = 0;

test.each(encoders)('decodes every story that %s encoded', (encoder) => {
  for (const { name, cases } of hpackStories(encoder)) {
    const decoder = new HpackDecoder(cases[0]!.header_table_size ?? 4096, 1 << 20);
    for (const { seqno, wire, headers, header_table_size: limit } of cases) {
      if (limit !== undefined) decoder.tableLimit = limit;
      const block = Buffer.from(wire, 'hex');
      const want = headers.flatMap((header) => Object.entries(header)).flat();
      expect(decoder.decode(block, 0, block.length).fields, `${name} #${seqno}`).toEqual(want);
      blocks += 1;
    }
    stories += 1;
  }
});

test('the corpus was whole', () => {
  expect([encoders.length, stories, blocks]).toEqual([14, 446, 47_142]);
});
