import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runH2specd } from '../servers/h2specd.mjs';

const script = fileURLToPath(new URL('../http2/h2specd-client.mjs', import.meta.url));
// Before there are tests, so that each bears the name of its case. A case takes up to 3 s: it waits for what must not come.
const cases = await runH2specd({ command: `${process.execPath} ${script}` });

describe("h2spec's cases for clients, on podwire's own HTTP/2", () => {
  test.each(cases)('$name', ({ failure }) => {
    expect(failure).toBeUndefined();
  });

  test('there were 57', () => {
    expect(cases).toHaveLength(57);
  });
});
