// The packages in each runtime, by `import`, by `require`, and by both in one process: on every Node that is supported, on Bun and Deno.
import { join } from 'node:path';
import { installed, nodeBinary } from '../installed.mjs';
import { run } from '../run.mjs';

/** The oldest; without process.getBuiltinModule; the last without require() of ES modules; the newest LTS. */
const NODES = ['20.19.0', '22.0.0', '22.11.0', '24'];

export async function runtimeJobs(user) {
  const platform = `${process.platform}-${process.arch}`;
  const others = await installed('runtimes', {
    [`@oven/bun-${platform}`]: '1.4.5',
    [`@deno/${platform}-glibc`]: '2.9.6',
  });
  const jobs = {};
  for (const version of NODES) {
    jobs[`Node ${version}`] = async () => {
      const node = await nodeBinary(version);
      for (const file of ['by-import.mjs', 'by-require.cjs', 'one-copy.cjs'])
        await run(node, ['--no-warnings', file], { cwd: user });
    };
  }
  const bun = [join(others, 'node_modules', `@oven/bun-${platform}`, 'bin', 'bun')];
  const deno = [join(others, 'node_modules', `@deno/${platform}-glibc`, 'deno'), 'run', '-A'];
  for (const [name, [command, ...args]] of Object.entries({ Bun: bun, Deno: deno })) {
    jobs[name] = async () => {
      for (const file of ['by-import.mjs', 'by-require.cjs', 'one-copy.cjs'])
        await run(command, [...args, file], { cwd: user });
    };
  }
  return jobs;
}
