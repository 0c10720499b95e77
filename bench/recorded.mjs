// podwire as it was when bench/record.json was written, so that both can be measured in one run.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Where `@grpc/grpc-js` is the workspace's own. */
const file = join(root, 'bench/results/recorded.mjs');

const git = (args, options) => spawnSync('git', args, { cwd: root, maxBuffer: 2 ** 26, ...options });

/** The commit that is measured; throws when packages/ holds what no commit does. */
export function currentCommit() {
  const changed = git(['status', '--porcelain', 'packages'], { encoding: 'utf8' });
  const { stdout } = git(['rev-parse', 'HEAD'], { encoding: 'utf8' });
  if (changed.status !== 0) throw new Error(`a record names a commit, and git says: ${changed.stderr}`);
  if (changed.stdout !== '')
    throw new Error(`a record names a commit, and these are in none:\n${changed.stdout}`);
  return stdout.trim();
}

/** Bundles the packages of `commit`; the bundle's URL, or undefined where that commit is not (a checkout without history). */
export async function bundleOf(commit) {
  const archive = git(['archive', commit, 'packages', 'tsconfig.base.json']);
  if (archive.status !== 0) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'podwire-recorded-'));
  try {
    const { status } = spawnSync('tar', ['-x', '-C', directory], { input: archive.stdout });
    if (status !== 0) throw new Error(`tar could not unpack packages/ of ${commit}`);
    await bundle(directory);
    return pathToFileURL(file).href;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function bundle(directory) {
  const source = (name) => join(directory, 'packages', name, 'src/index.ts');
  const bundled = await rolldown({
    input: source('client'),
    platform: 'node',
    external: ['@grpc/grpc-js', /^node:/],
    resolve: {
      alias: Object.fromEntries(
        readdirSync(join(directory, 'packages')).map((name) => [`@podwire/${name}`, source(name)]),
      ),
      modules: [
        'node_modules',
        join(root, 'packages/client/node_modules'),
        join(root, 'packages/registry/node_modules'),
      ],
    },
  });
  await bundled.write({ file });
  await bundled.close();
}
