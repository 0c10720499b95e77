import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configSchema } from 'podwire';
import { expect, test } from 'vitest';
import { OPTION_TABLE } from '../packages/client/src/options/option-table.ts';
import { declaredOptions, withComments, withTables } from './support/option-documents.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Writes what comes from the table of options, instead of comparing with it. */
const RECORD = process.env.PODWIRE_RECORD === 'options';
const ADVICE = `The table of options says otherwise. To write it anew:
PODWIRE_RECORD=options npx vitest run --project together test/options.test.ts`;

const INTERFACE = 'packages/client/src/options/channel-options.ts';
const DOCUMENT = 'docs/options.md';
const SCHEMA = 'packages/client/config.schema.json';

const read = (path: string) => readFileSync(join(root, path), 'utf8');

function write(path: string, text: string): void {
  writeFileSync(join(root, path), text);
  if (path.endsWith('.md')) return;
  execFileSync(join(root, 'node_modules/.bin/biome'), ['format', '--write', path], { cwd: root });
}

test('ChannelOptions declares every option of the table, and no other', () => {
  const declared = declaredOptions(read(INTERFACE)).map(({ name }) => name);
  expect(declared.sort()).toEqual(Object.keys(OPTION_TABLE).sort());
});

test('the comments of ChannelOptions are the words of the table, with its defaults', () => {
  if (RECORD) write(INTERFACE, withComments(read(INTERFACE)));
  const source = read(INTERFACE);
  expect(source, ADVICE).toBe(withComments(source));
});

test('docs/options.md has name, type, default, bounds and meaning of every option of the table', () => {
  const text = withTables(read(DOCUMENT), read(INTERFACE));
  if (RECORD) write(DOCUMENT, text);
  expect(read(DOCUMENT), ADVICE).toBe(text);
});

test('docs/options.md names the options that a channel takes while calls run', () => {
  const live = Object.entries(OPTION_TABLE).filter(([, row]) => 'live' in row && row.live);
  const [, sentence = ''] =
    /A channel takes these options while calls run: ([^.]+(?:\.\w[^.]*)*)\. /s.exec(read(DOCUMENT)) ?? [];
  const named = [...sentence.matchAll(/`([\w.]+)`/g)].map(([, name]) => name);
  expect(named.sort()).toEqual(live.map(([name]) => name).sort());
});

test('config.schema.json is the schema of the table', () => {
  const schema = `${JSON.stringify(configSchema(), null, 2)}\n`;
  if (RECORD) write(SCHEMA, schema);
  expect(JSON.parse(read(SCHEMA)), ADVICE).toEqual(JSON.parse(schema));
});

test('the folder of the options imports only what stands below it', () => {
  const folder = 'packages/client/src/options';
  const below = /^\.\.\/(?:(?:headers|retry|observe|files)\/[\w-]+|env|reasons|process-ref)\.ts$/;
  const wrong = readdirSync(join(root, folder)).flatMap((file) =>
    [...read(join(folder, file)).matchAll(/ from '(\.\.\/[^']+)';$/gm)]
      .filter(([, from]) => !below.test(from!))
      .map(([, from]) => `${file}: ${from}`),
  );
  expect(wrong).toEqual([]);
});
