// @ts-check
// The public HPACK corpus, http2jp/hpack-test-case: the same stories of header lists, encoded by 14 encoders.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { provisioned } from './cache.mjs';
import { items } from './items.mjs';

/**
 * One story: header blocks that share a table.
 * @typedef {object} Story
 * @property {string} name
 * @property {readonly { seqno: number, wire: string, headers: Readonly<Record<string, string>>[], header_table_size?: number }[]} cases
 *   `wire` is hexadecimal; a header list holds objects of one field; a table size counts from its case on
 */

const directory = () => join(provisioned(items['hpack-corpus']), 'stories');

/** What the encoders are called. @returns {string[]} */
export const hpackEncoders = () =>
  readdirSync(directory(), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

/** @param {string} encoder @returns {Story[]} */
export function hpackStories(encoder) {
  const files = readdirSync(join(directory(), encoder)).filter((name) => name.endsWith('.json'));
  return files.map((name) => ({
    name,
    cases: JSON.parse(readFileSync(join(directory(), encoder, name), 'utf8')).cases,
  }));
}
