import type { Clock } from '@podwire/core';
import { checkMode, type Mode } from '../options/mode.ts';
import type { Settings } from '../options/settings.ts';
import { modeFromEnvironment } from './environment.ts';
import { ModeFile } from './mode-file.ts';

const PATHS = { mode: 'mode', mesh: 'options.mesh' };

/**
 * The mode that a channel should be in. Code overrides the environment, which overrides the watched file, which overrides the
 * option `mode`.
 */
export class WantedMode {
  readonly #service: string;
  #settings: Settings;
  readonly #environment: ReturnType<typeof modeFromEnvironment>;
  readonly #path: string | undefined;
  readonly #file: ModeFile | undefined;
  #code: Mode | undefined;

  /**
   * Follows the file that `PODWIRE_CONFIG` names in `variables`. `onFile` is called when the file changed, with an error when the file, or
   * the mode in it, cannot be used. Throws `InvalidInput` for an environment or a file that is wrong now.
   */
  constructor(
    service: string,
    settings: Settings,
    variables: NodeJS.ProcessEnv,
    clock: Clock,
    onFile: (error: Error | undefined) => void,
  ) {
    this.#service = service;
    this.#settings = settings;
    this.#environment = modeFromEnvironment(service, variables);
    this.#path = variables.PODWIRE_CONFIG || undefined;
    this.#file = this.#path
      ? new ModeFile(this.#path, clock, (error) => onFile(error ?? this.#problem()))
      : undefined;
  }

  get mode(): Mode {
    const { mode } = this.#settings;
    return this.#code ?? this.#environment?.mode ?? this.#file?.modeOf(this.#service) ?? mode ?? 'direct';
  }

  /** The option `mode` may be another one now. */
  configure(settings: Settings): void {
    this.#settings = settings;
  }

  /** Sets the mode by code; `undefined` leaves it to the others. Throws as `check` does. */
  set(mode: Mode | undefined): void {
    checkMode(mode, this.#settings.meshAddress, PATHS);
    this.#code = mode;
  }

  /** Throws `InvalidInput` when the channel cannot be in the mode that is wanted: `mesh` without an address. */
  check(): void {
    checkMode(this.mode, this.#settings.meshAddress, PATHS, this.#askedBy);
  }

  close(): void {
    this.#file?.close();
  }

  /** The variable or the file that decides the mode; undefined where code or an option does. */
  get #askedBy(): string | undefined {
    if (this.#code !== undefined) return undefined;
    if (this.#environment !== undefined) return this.#environment.variable;
    return this.#file?.modeOf(this.#service) === undefined ? undefined : this.#path;
  }

  #problem(): Error | undefined {
    try {
      this.check();
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }
}
