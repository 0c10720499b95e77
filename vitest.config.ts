import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (dir: string, file = 'index.ts') =>
  fileURLToPath(new URL(`packages/${dir}/src/${file}`, import.meta.url));

/** CI counts tests from this file. */
const report =
  process.env.PODWIRE_REPORT === undefined
    ? {}
    : { reporters: ['default', 'json'], outputFile: { json: process.env.PODWIRE_REPORT } };

/** What all tests have in common; vitest.real.config.ts has the others. */
export const common = {
  resolve: {
    alias: {
      '@podwire/core/testing': source('core', 'testing/index.ts'),
      '@podwire/core': source('core'),
      '@podwire/registry/testing': source('registry', 'testing/index.ts'),
      '@podwire/registry': source('registry'),
      '@podwire/balancer': source('balancer'),
      '@podwire/http2/testing': source('http2', 'testing/index.ts'),
      '@podwire/http2': source('http2'),
      '@podwire/routing': source('routing'),
      '@podwire/registry-nacos': source('registry-nacos'),
      '@podwire/registry-kubernetes': source('registry-kubernetes'),
      '@podwire/provider': source('provider'),
      'podwire/testing': source('client', 'testing/index.ts'),
      podwire: source('client'),
    },
  },
  // A second, vitest's default, is too little for a condition on a machine that does other things as well.
  test: { slowTestThreshold: 1000, expect: { poll: { timeout: 10_000 } }, ...report },
};

/** Which hold the client to a time: how long a hostile peer may take. A neighbour would disturb them. */
const MEASURED = ['test/http2/hostile.test.ts', 'test/http2/hostile-pods.test.ts'];
/** These need servers of other languages: vitest.real.config.ts. */
const REAL = 'test/real/**';

const project = (name: string, groupOrder: number, only: object) => ({
  extends: true as const,
  test: { name, sequence: { groupOrder }, ...only },
});

export default defineConfig({
  ...common,
  test: {
    ...common.test,
    // Enough on a machine that does other things as well; a condition that never holds is what it ends.
    testTimeout: 30_000,
    projects: [
      project('together', 1, {
        include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
        exclude: [REAL, '**/node_modules/**', ...MEASURED],
        // Half of their time is spent waiting.
        maxWorkers: availableParallelism() + 1,
      }),
      project('measured', 2, { include: MEASURED, maxWorkers: 1 }),
    ],
  },
});
