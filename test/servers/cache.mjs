// Where built servers are kept between runs.
import { homedir } from 'node:os';
import { join } from 'node:path';

export const cacheDirectory =
  process.env.PODWIRE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'podwire');

/** A server's own directory there. */
export const serverDirectory = (name, version) => join(cacheDirectory, 'servers', `${name}-${version}`);
