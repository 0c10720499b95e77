import { type Clock, checkKeys, InvalidInput, oneOf } from '@podwire/core';
import { FileWatch } from '../files/file-watch.ts';
import { parseText, readText } from '../files/read-text.ts';
import { MODES, type Mode } from '../options/mode.ts';

/** The content of a mode file: `{ "mode": "direct", "services": { "orders": { "mode": "mesh" } } }`. */
interface ModeDocument {
  /** The mode of the services that do not set one. */
  readonly mode: Mode | undefined;
  /** Modes by the name of the service's channel. */
  readonly services: ReadonlyMap<string, Mode>;
}

/** The modes of services in a watched file: JSON or YAML, of the same shape as the config of `createPodwire`. */
export class ModeFile {
  readonly #path: string;
  readonly #onChange: (error: Error | undefined) => void;
  readonly #watch: FileWatch;
  #document: ModeDocument;

  /** Throws when the file cannot be read or is wrong. `onChange` is told of an error later; the modes then stay. */
  constructor(path: string, clock: Clock, onChange: (error: Error | undefined) => void) {
    this.#path = path;
    this.#onChange = onChange;
    const text = firstText(path);
    this.#document = parseModes(text, path);
    this.#watch = new FileWatch(path, text, clock, { onText: (next) => this.#take(next), onError: onChange });
  }

  modeOf(service: string): Mode | undefined {
    return this.#document.services.get(service) ?? this.#document.mode;
  }

  close(): void {
    this.#watch.close();
  }

  #take(text: string): void {
    try {
      this.#document = parseModes(text, this.#path);
    } catch (error) {
      return this.#onChange(error as Error);
    }
    this.#onChange(undefined);
  }
}

function firstText(path: string): string {
  try {
    return readText(path);
  } catch (error) {
    throw new InvalidInput('PODWIRE_CONFIG', path, `cannot be read: ${(error as Error).message}`);
  }
}

/** Reads the modes of a config, by the same rules as `createPodwire`. */
function parseModes(text: string, path: string): ModeDocument {
  const document = checkKeys(parseText(text, path), ['$schema', 'mode', 'services', 'defaults'], path);
  const services = new Map<string, Mode>();
  const entries = checkObject(document.services ?? {}, `${path}: services`);
  for (const [key, value] of Object.entries(entries)) {
    const at = `${path}: services.${key}`;
    const { name, mode } = checkObject(value, at);
    const own = oneOf(mode, `${at}.mode`, MODES);
    if (own !== undefined) services.set(typeof name === 'string' ? name : key, own);
  }
  const byDefault = checkObject(document.defaults ?? {}, `${path}: defaults`).mode;
  const mode = oneOf(document.mode, `${path}: mode`, MODES);
  return { mode: oneOf(byDefault, `${path}: defaults.mode`, MODES) ?? mode, services };
}

function checkObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new InvalidInput(path, value, 'must be an object');
}
