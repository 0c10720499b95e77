import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { USER_AGENT } from './user-agent.ts';

test("the user agent has gRPC's form, and the package's version", () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(USER_AGENT).toBe(`grpc-node-podwire/${version}`);
});
