import { defineConfig } from 'vitest/config';
import { common } from './vitest.config.ts';

/**
 * Tests against real servers of other languages, which test/servers/provision.mjs installs. Most of their time is spent waiting,
 * so that several files run at once; those whose figures or faults a neighbour would disturb come after them.
 */
const GROUPS = [
  // Both are minutes of outages at 500 calls/s, each of its own servers.
  { name: 'faults', files: ['nacos-faults', 'kubernetes-faults'], maxWorkers: 2 },
  { name: 'measured', files: ['nacos-latency', 'kubernetes-latency', 'soak', 'h2specd'], maxWorkers: 1 },
];

const paths = (files: readonly string[]) => files.map((file) => `test/real/${file}.test.ts`);
const project = (name: string, groupOrder: number, maxWorkers: number, only: object) => ({
  extends: true as const,
  test: {
    name,
    exclude: ['**/node_modules/**'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers,
    sequence: { groupOrder },
    ...only,
  },
});

export default defineConfig({
  ...common,
  test: {
    ...common.test,
    projects: [
      project('together', 1, 3, {
        include: ['test/real/**/*.test.ts'],
        exclude: ['**/node_modules/**', ...paths(GROUPS.flatMap(({ files }) => files))],
      }),
      ...GROUPS.map(({ name, files, maxWorkers }, i) =>
        project(name, i + 2, maxWorkers, { include: paths(files) }),
      ),
    ],
  },
});
