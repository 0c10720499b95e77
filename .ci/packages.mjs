// Packs every package as it would be published, installs what came out as users do, and uses it in every way that is supported:
// runtimes, Jest, TypeScript, bundlers. node .ci/packages.mjs [word …] runs only the checks whose names have one of the words.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleJobs } from './packed/bundlers.mjs';
import { jestJobs, startEcho } from './packed/jest.mjs';
import { runtimeJobs } from './packed/runtimes.mjs';
import { checkTarball } from './packed/tarballs.mjs';
import { typeJobs } from './packed/types.mjs';
import { PNPM } from './pnpm.mjs';
import { run, runAll } from './run.mjs';

const work = mkdtempSync(join(tmpdir(), 'podwire-packed-'));
const folder = (name) => {
  mkdirSync(join(work, name), { recursive: true });
  return join(work, name);
};

/** The tarballs by their package's name. */
async function pack() {
  const out = folder('tarballs');
  const packages = readdirSync('packages');
  await Promise.all(
    packages.map((name) =>
      run('npx', ['--yes', PNPM, 'pack', '--pack-destination', out], { cwd: join('packages', name) }),
    ),
  );
  const nameOf = (file) => file.replace(/-\d.*$/, '').replace(/^podwire-/, '@podwire/');
  return Object.fromEntries(readdirSync(out).map((file) => [nameOf(file), join(out, file)]));
}

/** The oldest grpc-js that `peerDependencies` take. */
const OLDEST = '1.12.0';

async function install(tarballs, name, grpcJs) {
  const user = folder(name);
  const ours = Object.entries(tarballs).map(([name, path]) => [name, `file:${path}`]);
  const dependencies = { '@grpc/grpc-js': grpcJs, '@types/node': '20', ...Object.fromEntries(ours) };
  writeFileSync(join(user, 'package.json'), JSON.stringify({ private: true, dependencies }));
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'], {
    cwd: user,
  });
  for (const file of readdirSync('.ci/packed', { withFileTypes: true }))
    if (file.isDirectory() || /^(by-|one-copy|scenario|echo)/.test(file.name))
      cpSync(join('.ci/packed', file.name), join(user, file.name), { recursive: true });
  return user;
}

async function useOldest() {
  const user = await install(tarballs, 'oldest', OLDEST);
  await run(process.execPath, ['by-import.mjs'], { cwd: user });
  for (const job of Object.values(await typeJobs(user, ['7.0']))) await job();
}

const tarballs = await pack();
const checks = Object.entries(tarballs).map(([name, path]) => [
  `tarball of ${name}`,
  () => checkTarball(path, folder(join('unpacked', name))),
]);
const user = await install(tarballs, 'user', '1');
const echo = await startEcho(user);
const jobs = {
  ...Object.fromEntries(checks),
  ...(await runtimeJobs(user)),
  ...(await jestJobs(user, echo.address)),
  ...(await typeJobs(user)),
  ...(await bundleJobs(user)),
  [`grpc-js ${OLDEST}`]: useOldest,
};
const words = process.argv.slice(2);
const wanted = Object.entries(jobs).filter(
  ([name]) => words.length === 0 || words.some((word) => name.includes(word)),
);
const failed = await runAll(wanted, availableParallelism());
echo.stop();
rmSync(work, { recursive: true, force: true });
if (failed.length > 0) process.exitCode = 1;
console.log(
  failed.length > 0
    ? `${failed.length} of ${wanted.length} failed: ${failed.join(', ')}`
    : `${Object.keys(tarballs).length} packages pass ${wanted.length} checks`,
);
