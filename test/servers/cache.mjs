// @ts-check
// Where built servers are kept, and how one gets there whole or not at all.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

/** `PODWIRE_CACHE`, or `podwire` in the user's cache directory. */
export const cacheRoot =
  process.env.PODWIRE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'podwire');

/**
 * @typedef {object} Item what one provisioning step makes
 * @property {string} name
 * @property {string} version
 * @property {string} about
 * @property {readonly string[]} tools programs that the step runs
 * @property {string} source a folder, from this file's; a change of any of its files builds anew
 * @property {(directory: string, source: string) => void} build fills the empty directory
 */

/** @param {string} directory @returns {string[]} */
function filesOf(directory) {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** The directory that holds the item when it is built; its name changes with version and source. @param {Item} item */
export function itemDirectory(item) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${item.version}`);
  for (const file of filesOf(join(here, item.source))) hash.update(readFileSync(file));
  return join(cacheRoot, 'servers', `${item.name}-${item.version}-${hash.digest('hex').slice(0, 10)}`);
}

/** Builds the item unless it is there. Says whether it did. @param {Item} item */
export function provision(item) {
  const directory = itemDirectory(item);
  if (existsSync(directory)) return false;
  const half = `${directory}.${process.pid}`;
  mkdirSync(half, { recursive: true });
  try {
    item.build(half, join(here, item.source));
    // A rename is all or nothing, so that a directory with the final name is always whole.
    if (!existsSync(directory)) renameSync(half, directory);
  } finally {
    rmSync(half, { recursive: true, force: true });
  }
  return true;
}

/** The built item's directory. @param {Item} item @returns {string} */
export function provisioned(item) {
  const directory = itemDirectory(item);
  if (existsSync(directory)) return directory;
  throw new Error(`${item.name} is not there; run: node test/servers/provision.mjs ${item.name}`);
}

/** @param {string} directory bytes of all files under it */
export function sizeOf(directory) {
  return filesOf(directory).reduce((sum, file) => sum + statSync(file).size, 0);
}
