import { readFileSync, statSync } from 'node:fs';
import { InvalidInput, NOT_SHOWN } from '@podwire/core';
import { parseYaml } from '@podwire/registry';

/** A config file larger than this is refused. */
const MAX_BYTES = 4 * 1024 * 1024;

/** More text than this in braces is JSON, or half of it: YAML's parser would block the event loop for a second to say no. */
const MAX_BRACED_YAML = 256 * 1024;

/** The text of a config file. Throws for one that is too large, or is not a regular file: a pipe or a device may never end. */
export function readText(path: string): string {
  const found = statSync(path);
  if (!found.isFile()) throw new Error(`${path} is no file`);
  if (found.size > MAX_BYTES) throw new Error(`${found.size} bytes are more than the limit of ${MAX_BYTES}`);
  return readFileSync(path, 'utf8');
}

/**
 * Parses a config file's text, JSON or YAML. A file is read again while calls run, and YAML's parser takes hundreds of times longer
 * for JSON than JSON's own. The error has nothing of the text: TLS keys may stand in it.
 */
export function parseText(text: string, path: string): unknown {
  const isBraced = /^\s*\{/.test(text);
  try {
    if (isBraced) return JSON.parse(text);
  } catch {
    // Perhaps a flow mapping of YAML.
    if (text.length > MAX_BRACED_YAML) throw new InvalidInput(path, NOT_SHOWN, 'is not JSON');
  }
  try {
    return parseYaml(text);
  } catch (error) {
    const [why] = (error as Error).message.split(':\n', 1);
    throw new InvalidInput(path, NOT_SHOWN, `is neither JSON nor YAML: ${why}`);
  }
}
