// Fetches the public HPACK corpus (http2jp/hpack-test-case) into the user's cache directory and prints where it is.
// node test/http2/corpus.mjs; PODWIRE_HPACK_CORPUS names a copy that is there already.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const SOURCE = 'https://github.com/http2jp/hpack-test-case.git';
const cache =
  process.env.PODWIRE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'podwire');

/** The corpus on this machine, or undefined. */
export function corpusDirectory() {
  const directory = process.env.PODWIRE_HPACK_CORPUS ?? join(cache, 'hpack-test-case');
  return existsSync(join(directory, 'nghttp2')) ? directory : undefined;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (corpusDirectory() === undefined) {
    const target = join(cache, 'hpack-test-case');
    const { status } = spawnSync('git', ['clone', '--depth', '1', SOURCE, target], { stdio: 'inherit' });
    if (status !== 0) process.exit(1);
  }
  console.log(corpusDirectory());
}
