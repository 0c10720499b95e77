import { readFileSync, type Stats, unwatchFile, watchFile } from 'node:fs';
import { checkKeys, InvalidInput } from '@podwire/registry';
import { parse } from 'yaml';
import { oneOf } from '../options/check.ts';
import { MODES, type Mode } from './mode.ts';

/** What a mode file says: `{ "mode": "direct", "services": { "orders": { "mode": "mesh" } } }`. */
interface ModeDocument {
  readonly mode: Mode | undefined;
  readonly services: ReadonlyMap<string, Mode>;
}

/** How often the file is looked at; a ConfigMap takes about a minute to arrive, so this adds nothing to speak of. */
const POLL_MS = 1_000;

/** The modes of services in a watched file: JSON or YAML, of the same shape as the config of `createPodwire`. */
export class ModeFile {
  readonly #path: string;
  readonly #onChange: (error: Error | undefined) => void;
  readonly #listener: (now: Stats, before: Stats) => void;
  #document: ModeDocument;

  /** Throws when the file cannot be read or is wrong. `onChange` is told of an error later; the modes then stay. */
  constructor(path: string, onChange: (error: Error | undefined) => void) {
    this.#path = path;
    this.#onChange = onChange;
    this.#document = readModes(path);
    this.#listener = (now, before) => {
      if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino || now.size !== before.size) this.#read();
    };
    watchFile(path, { persistent: false, interval: POLL_MS }, this.#listener);
  }

  modeOf(service: string): Mode | undefined {
    return this.#document.services.get(service) ?? this.#document.mode;
  }

  close(): void {
    unwatchFile(this.#path, this.#listener);
  }

  #read(): void {
    let failure: Error | undefined;
    try {
      this.#document = readModes(this.#path);
    } catch (error) {
      failure = error as Error;
    }
    this.#onChange(failure);
  }
}

function readModes(path: string): ModeDocument {
  const text = readFileSync(path, 'utf8');
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new InvalidInput(path, text.slice(0, 60), `is neither JSON nor YAML: ${(error as Error).message}`);
  }
  const document = checkKeys(value, ['mode', 'services', 'defaults'], path);
  const services = new Map<string, Mode>();
  const entries = checkObject(document.services ?? {}, `${path}: services`);
  for (const [name, entry] of Object.entries(entries)) {
    const at = `${path}: services.${name}`;
    const mode = oneOf(checkObject(entry, at).mode, `${at}.mode`, MODES);
    if (mode !== undefined) services.set(name, mode);
  }
  return { mode: oneOf(document.mode, `${path}: mode`, MODES), services };
}

function checkObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new InvalidInput(path, value, 'must be an object');
}
