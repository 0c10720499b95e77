import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (dir: string, file = 'index.ts') =>
  fileURLToPath(new URL(`packages/${dir}/src/${file}`, import.meta.url));

/** CI counts tests from this file. */
const report =
  process.env.PODWIRE_REPORT === undefined
    ? {}
    : { reporters: ['default', 'json'], outputFile: { json: process.env.PODWIRE_REPORT } };

export default defineConfig({
  resolve: {
    alias: {
      '@podwire/registry/testing': source('registry', 'testing/index.ts'),
      '@podwire/registry': source('registry'),
      '@podwire/balancer': source('balancer'),
      '@podwire/http2': source('http2'),
      '@podwire/registry-nacos': source('registry-nacos'),
      '@podwire/registry-kubernetes': source('registry-kubernetes'),
      '@podwire/provider': source('provider'),
      podwire: source('client'),
    },
  },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    // These need servers of other languages: vitest.real.config.ts.
    exclude: ['test/real/**', '**/node_modules/**'],
    slowTestThreshold: 1000,
    // Enough on a machine that does other things as well; a condition that never holds is what it ends.
    testTimeout: 30_000,
    ...report,
  },
});
