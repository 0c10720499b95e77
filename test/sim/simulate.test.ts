import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { planOf, simulate } from './simulate.ts';

const MAIN = fileURLToPath(new URL('main.mjs', import.meta.url));
const SHORT = { stormMs: 20_000, quietMs: 95_000 };
const run = promisify(execFile);

test.each([10, 16, 22])(
  'seed %i breaks no invariant',
  async (seed) => {
    const { violations, calls } = await simulate({ ...planOf({ seed }), ...SHORT });
    expect(violations).toEqual([]);
    expect(calls).toBeGreaterThan(500);
  },
  60_000,
);

test('equal seeds have the same bytes of history in two processes, and other seeds have others', async () => {
  const digest = async (seed: number) => {
    const { stdout } = await run(process.execPath, [MAIN, '--seed', String(seed), '--json']);
    return JSON.parse(stdout).outcomes[0].digest;
  };
  const [one, again, other] = await Promise.all([digest(10), digest(10), digest(11)]);
  expect(again).toBe(one);
  expect(other).not.toBe(one);
}, 60_000);

test('a day of a small service breaks no invariant in its first minutes', async () => {
  const { violations, calls } = await simulate(planOf({ seed: 1, dayHours: 0.2 }));
  expect(violations).toEqual([]);
  expect(calls).toBeGreaterThan(5_000);
}, 60_000);
