import type { Settings } from '../options/settings.ts';
import { modeFromEnvironment } from './environment.ts';
import { checkMode, type Mode } from './mode.ts';
import { ModeFile } from './mode-file.ts';

/**
 * The mode that a channel should be in: code stands above the environment, that above the watched file, that above the
 * option `mode`.
 */
export class WantedMode {
  readonly #service: string;
  readonly #settings: Settings;
  readonly #environment: Mode | undefined;
  readonly #file: ModeFile | undefined;
  #code: Mode | undefined;

  /**
   * Follows the file that `PODWIRE_CONFIG` names in `variables`. `onFile` is called when it changed: with an error when it, or
   * what it asks for, cannot be used. Throws `InvalidInput` for an environment or a file that is wrong now.
   */
  constructor(
    service: string,
    settings: Settings,
    variables: NodeJS.ProcessEnv,
    onFile: (error: Error | undefined) => void,
  ) {
    this.#service = service;
    this.#settings = settings;
    this.#environment = modeFromEnvironment(service, variables);
    const path = variables.PODWIRE_CONFIG;
    this.#file = path ? new ModeFile(path, (error) => onFile(error ?? this.#problem())) : undefined;
  }

  get mode(): Mode {
    const { mode } = this.#settings;
    return this.#code ?? this.#environment ?? this.#file?.modeOf(this.#service) ?? mode ?? 'direct';
  }

  /** What code asks for; `undefined` leaves it to the others. Throws as `check` does. */
  set(mode: Mode | undefined): void {
    this.check(mode);
    this.#code = mode;
  }

  /** Throws `InvalidInput` for a mode that the channel cannot be in: `mesh` without an address. */
  check(mode: Mode | undefined): void {
    checkMode(mode, this.#settings.meshAddress, { mode: 'mode', mesh: 'options.mesh' });
  }

  close(): void {
    this.#file?.close();
  }

  #problem(): Error | undefined {
    try {
      this.check(this.mode);
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }
}
