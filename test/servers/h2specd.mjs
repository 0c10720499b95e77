// @ts-check
// The HTTP/2 conformance suite for clients: it serves one broken or odd conversation a port and runs a client against each.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { provisioned } from './cache.mjs';
import { items } from './items.mjs';
import { freePort } from './process.mjs';

/** It has 57 cases, each on a port of its own. */
const CASES = 57;

/**
 * Runs the whole suite. It gives a case 3 s in all and gives up altogether when a client takes longer.
 * @param {{ readonly command: string, readonly timeoutSeconds?: number, readonly tls?: { readonly cert: string, readonly key: string } }} options
 *   the client's command line, split at spaces; the suite appends the URL to call. `timeoutSeconds` is how long it waits for a
 *   frame, default 1. The certificate's files with TLS
 * @returns {Promise<{ name: string, failure: string | undefined }[]>} every case, with what it says of a failed one
 */
export async function runH2specd({ command, timeoutSeconds = 1, tls }) {
  const from = await freePort(...Array.from({ length: CASES }, (_, i) => i + 1), -1);
  const secure = tls === undefined ? [] : ['--tls', '--cert-file', tls.cert, '--cert-key-file', tls.key];
  const output = await new Promise((resolve, reject) => {
    const binary = join(provisioned(items.h2specd), 'h2specd');
    const args = ['--host', '127.0.0.1', '--port', String(from - 1), '--from-port', String(from)];
    const more = ['--timeout', String(timeoutSeconds), '--exec', command, ...secure];
    // Its exit code only says whether all passed; what it prints says which.
    execFile(binary, [...args, ...more], { timeout: 300_000 }, (error, stdout) => {
      if (typeof error?.code === 'string' || error?.killed) reject(error);
      else resolve(stdout);
    });
  });
  const cases = readCases(output);
  if (cases.length < CASES)
    throw new Error(`h2specd gave up after ${cases.length} of ${CASES} cases:\n${output}`);
  return cases;
}

/** @param {string} output */
function readCases(output) {
  /** @type {{ name: string, failure: string | undefined }[]} */
  const cases = [];
  let section = '';
  // What failed is printed once more at the end.
  for (const line of (output.split(/^Failures: *$/m)[0] ?? '').split('\n')) {
    const text = line.replace(/^.*\r/, '').trim();
    const [, mark, name] = /^([✔×]) \d+: (.*)$/.exec(text) ?? [];
    const last = cases.at(-1);
    if (name !== undefined)
      cases.push({ name: `${section}: ${name}`, failure: mark === '✔' ? undefined : '' });
    else if (/^\d[\d.]* [A-Z]/.test(text)) section = text;
    else if (text !== '' && last?.failure !== undefined) last.failure += `${text}\n`;
  }
  return cases;
}
