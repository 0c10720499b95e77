import { createHash, randomUUID } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Endpoint, toEndpoint } from '../endpoint.ts';

/** The stored endpoints of a service, and when they were stored. */
export interface Stored {
  readonly endpoints: readonly Endpoint[];
  /** Milliseconds since 1970. */
  readonly savedMs: number;
}

/** Some 50 000 endpoints; a larger set is not written, and a larger file not read. */
const MAX_BYTES = 16 * 1024 * 1024;

/** A file that is being written. */
export const DRAFT: RegExp = /\.draft$/;

/** The name is a hash, because `key` may hold any character that a target may hold. */
export function snapshotPath(directory: string, key: string): string {
  return join(directory, `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`);
}

/** Reads and checks a snapshot; undefined if it is absent, broken or another service's. It blocks, and runs once, at the start. */
export function readSnapshot(path: string, key: string): Stored | undefined {
  try {
    const value = JSON.parse(readBounded(path)) as Record<string, unknown>;
    const { savedMs, endpoints: inputs, of } = value;
    if (of !== key || !Number.isFinite(savedMs) || !Array.isArray(inputs)) return undefined;
    const endpoints = inputs.flatMap(checked);
    return endpoints.length === 0 ? undefined : { savedMs: savedMs as number, endpoints };
  } catch {
    return undefined;
  }
}

/** Throws for a path that is not a regular file: reading a pipe would block the whole process. */
function readBounded(path: string): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = fstatSync(file);
    if (!found.isFile() || found.size > MAX_BYTES) throw new Error(`${path} is no snapshot`);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

function checked(input: unknown): Endpoint[] {
  try {
    const { host, port, weight, zone, phase, attributes } = input as Endpoint;
    return [toEndpoint({ host, port, weight, zone, phase, attributes })];
  } catch {
    return [];
  }
}

/** Writes a draft and renames it, so that a reader sees either the whole new file or the old one. */
export async function writeSnapshot(path: string, key: string, stored: Stored): Promise<void> {
  const text = JSON.stringify({ of: key, savedMs: stored.savedMs, endpoints: stored.endpoints });
  if (text.length > MAX_BYTES)
    throw new Error(`${text.length} bytes are more than the limit of ${MAX_BYTES}`);
  // Other users of the machine may not read addresses and attributes.
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}.draft`;
  try {
    await writeFile(draft, text, { mode: 0o600 });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
