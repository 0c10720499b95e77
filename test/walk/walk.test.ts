import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/**
 * How far a reader walks along one warmed call of `createClient`. An outside review counted 207 and 22 before, and 150 were the limit until a
 * call said what it means for its Pod: stalls, the method's norm, monitors, outlier detection, suspicion and the retry budget cost it 25.
 */
const MOST_CHANGES = 170;
const MOST_IN_THE_MIDDLE = 8;

const script = fileURLToPath(new URL('walk.mjs', import.meta.url));

test('a unary call goes from file to file no more often than the limits say', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    script,
    '--client',
    'createClient',
    '--json',
  ]);
  const { createClient } = JSON.parse(stdout);
  expect(createClient.functions).toBeGreaterThan(100);
  expect(createClient.changes, stdout).toBeLessThanOrEqual(MOST_CHANGES);
  expect(createClient.middle, stdout).toBeLessThanOrEqual(MOST_IN_THE_MIDDLE);
});
