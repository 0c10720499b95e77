import { mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

// Tests against real servers of other languages, which test/servers/provision.mjs installs.
const config = mergeConfig(base, {
  test: {
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // A condition holds as soon as it does; this is for machines that do other things as well.
    expect: { poll: { timeout: 10_000 } },
  },
});
config.test!.include = ['test/real/**/*.test.ts'];
config.test!.exclude = ['**/node_modules/**'];
export default config;
