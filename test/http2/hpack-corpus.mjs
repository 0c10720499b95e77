// Decodes a copy of the public HPACK corpus (http2jp/hpack-test-case):
// npm run build && PODWIRE_HPACK_CORPUS=<directory> node test/http2/hpack-corpus.mjs
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HpackDecoder } from '../../packages/http2/dist/own/hpack/decoder.js';

const corpus = process.env.PODWIRE_HPACK_CORPUS;
if (corpus === undefined) {
  console.error('PODWIRE_HPACK_CORPUS must name a copy of the corpus');
  process.exit(2);
}
const directories = readdirSync(corpus, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !['raw-data', 'util', '.git'].includes(entry.name))
  .map(({ name }) => name);
let stories = 0;
let blocks = 0;
for (const directory of directories) {
  for (const file of readdirSync(join(corpus, directory)).filter((name) => name.endsWith('.json'))) {
    const { cases } = JSON.parse(readFileSync(join(corpus, directory, file), 'utf8'));
    const decoder = new HpackDecoder(cases[0].header_table_size ?? 4096, 1 << 20);
    stories += 1;
    for (const { seqno, wire, headers, header_table_size: limit } of cases) {
      if (limit !== undefined) decoder.tableLimit = limit;
      const block = Buffer.from(wire, 'hex');
      const got = JSON.stringify(decoder.decode(block, 0, block.length).fields);
      const want = JSON.stringify(headers.flatMap((header) => Object.entries(header)).flat());
      if (got !== want) {
        console.error(`${directory}/${file} #${seqno}\n  got  ${got}\n  want ${want}`);
        process.exit(1);
      }
      blocks += 1;
    }
  }
}
console.log(`${stories} stories, ${blocks} header blocks decoded, in ${directories.length} encoders' sets`);
