import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test("the README's quick start spreads its calls over all providers", async () => {
  const program = fileURLToPath(new URL('../examples/quickstart/main.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 20_000 });
  expect(stdout.match(/ was answered by /g)).toHaveLength(6);
  expect(stdout.match(/ is ready, 2 calls$/gm)).toHaveLength(3);
});
