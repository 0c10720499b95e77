// The packages under Jest as it is installed (CommonJS, no options), and with ts-jest.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { installed, nodeBinary } from '../installed.mjs';
import { run } from '../run.mjs';

const JESTS = {
  29: { jest: '29', 'ts-jest': '29', typescript: '5.4' },
  30: { jest: '30', 'ts-jest': '29', typescript: '5.9' },
};

/** A Pod in a process of its own: grpc-js's server does not stand fake timers. */
export async function startEcho(user) {
  const echo = spawn(process.execPath, ['echo.cjs'], { cwd: user, stdio: ['pipe', 'pipe', 'inherit'] });
  const [address] = await once(echo.stdout.setEncoding('utf8'), 'data');
  return { address: address.trim(), stop: () => echo.stdin.end() };
}

export async function jestJobs(user, address) {
  const jobs = {};
  for (const [version, tools] of Object.entries(JESTS)) {
    const directory = await installed(`jest-${version}`, tools);
    const jest = join(directory, 'node_modules/jest/bin/jest.js');
    const transformer = join(directory, 'node_modules/ts-jest');
    const options = {
      tsconfig: { strict: true, target: 'es2022', module: 'commonjs', moduleResolution: 'node10' },
    };
    const typed = [
      '--testMatch',
      '**/*.test-ts.ts',
      '--transform',
      JSON.stringify({ '\\.ts$': [transformer, options] }),
    ];
    const start = (node, args) =>
      run(node, [jest, '--rootDir', join(user, 'jest'), '--ci', ...args], {
        cwd: user,
        env: { ...process.env, ECHO: address },
      });
    for (const node of version === '29' ? ['20.19.0', '22.11.0'] : ['22.11.0', '24'])
      jobs[`Jest ${version} on Node ${node}`] = async () => start(await nodeBinary(node), []);
    jobs[`Jest ${version} with ts-jest`] = () => start(process.execPath, typed);
  }
  return jobs;
}
