import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../bench/soak/main.mjs', import.meta.url));
/** An hour: PODWIRE_SOAK_SECONDS=3600 */
const SECONDS = Number(process.env.PODWIRE_SOAK_SECONDS ?? 25);

interface Report {
  readonly calls: number;
  readonly failed: number;
  readonly problems: readonly string[];
}

// A process of its own, whose memory and sockets are those of the channel alone.
test(`${SECONDS} s of 2 000 calls/s with Pods coming and going: memory is flat, sockets are as many as Pods`, {
  timeout: SECONDS * 1_000 + 30_000,
}, async () => {
  const run = promisify(execFile)(process.execPath, [program, '--seconds', String(SECONDS)]);
  const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error);
  expect(stdout, stderr).not.toBe('');
  const report = JSON.parse(stdout) as Report;
  console.log(stdout);
  expect(report.problems).toEqual([]);
  expect(report.failed).toBe(0);
  expect(report.calls).toBeGreaterThan(SECONDS * 1_800);
});
