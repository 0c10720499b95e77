import { checkKeys, InvalidInput, oneOf, systemClock, type Timer } from '@podwire/core';
import { MODES, type Mode } from '../options/mode.ts';
import { parseText, readText } from '../options/read-text.ts';

/** What a mode file says: `{ "mode": "direct", "services": { "orders": { "mode": "mesh" } } }`. */
interface ModeDocument {
  /** Of the services that name none. */
  readonly mode: Mode | undefined;
  /** By the name that the service's channel has. */
  readonly services: ReadonlyMap<string, Mode>;
}

/** How often the file is looked at; a ConfigMap takes about a minute to arrive, so this adds nothing to speak of. */
const POLL_MS = 1_000;

/** The modes of services in a watched file: JSON or YAML, of the same shape as the config of `createPodwire`. */
export class ModeFile {
  readonly #path: string;
  readonly #onChange: (error: Error | undefined) => void;
  #timer: Timer;
  /** The file's text when it was last looked at, or why it could not be. */
  #seen: string;
  #document: ModeDocument;

  /** Throws when the file cannot be read or is wrong. `onChange` is told of an error later; the modes then stay. */
  constructor(path: string, onChange: (error: Error | undefined) => void) {
    this.#path = path;
    this.#onChange = onChange;
    this.#seen = firstText(path);
    this.#document = parseModes(this.#seen, path);
    // By its text: a change between the first reading and a watcher's first look would go unseen.
    this.#timer = this.#plan();
  }

  modeOf(service: string): Mode | undefined {
    return this.#document.services.get(service) ?? this.#document.mode;
  }

  close(): void {
    this.#timer.cancel();
  }

  #plan(): Timer {
    return systemClock.after(POLL_MS, () => {
      this.#timer = this.#plan();
      this.#look();
    });
  }

  #look(): void {
    let text: string;
    try {
      text = readText(this.#path);
    } catch (error) {
      return this.#tell((error as Error).message, () => {
        throw error;
      });
    }
    this.#tell(text, () => {
      this.#document = parseModes(text, this.#path);
    });
  }

  /** Once for each state of the file. */
  #tell(seen: string, take: () => void): void {
    if (seen === this.#seen) return;
    this.#seen = seen;
    try {
      take();
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

/** What `createPodwire` takes for the modes of the same config. */
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
