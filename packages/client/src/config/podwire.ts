import { InvalidInput, unknownWord } from '@podwire/core';
import { openTarget, type Registry } from '@podwire/registry';
import { Channel, SCOPE_GRACE_MS } from '../channel/channel.ts';
import type { PodwireChannel } from '../channel/podwire-channel.ts';
import type { ChannelSnapshot } from '../channel/snapshot.ts';
import { type Env, systemEnv } from '../env.ts';
import { FileWatch } from '../files/file-watch.ts';
import { checkMode, type Mode } from '../options/mode.ts';
import { parseOptions } from '../options/settings.ts';
import { type PodwireConfig, parseConfigText, readConfigText, splitConfig } from './config.ts';
import { type CheckedService, type CheckedServices, type FollowedConfig, reload } from './reload.ts';

/** The options that a config file cannot hold. */
export interface PodwireExtras {
  /** Registries besides static, file and dns, such as `nacos({ … })`. */
  readonly registries?: readonly Registry[];
}

/** The channels of one config. */
export interface Podwire extends AsyncDisposable {
  /** Names of the services: those of the file as it is now, and those that it no longer has and that are in use. */
  readonly services: readonly string[];
  /** The channel of a service: the same one each time, so that all its clients share connections. */
  channel(service: string): PodwireChannel;
  /** Sets the mode of all services: those in use, and those used later. */
  setMode(mode: Mode | undefined): Promise<void>;
  /** The snapshots of the channels in use. */
  snapshot(): Readonly<Record<string, ChannelSnapshot>>;
  /** Closes all channels, as a channel's `close` does. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

/**
 * Many services from one config: an object, or the path of a JSON or YAML file (default: `PODWIRE_CONFIG`). A file is followed while
 * the process runs (docs/options.md). All of it is checked at once: throws `InvalidInput` with the path to a value that is wrong. A
 * channel connects when it is first asked for.
 */
export function createPodwire(config?: PodwireConfig | string, extras: PodwireExtras = {}): Podwire {
  const source = config ?? (process.env.PODWIRE_CONFIG || undefined);
  if (source === undefined)
    throw new InvalidInput('config', source, 'must be an object or a path, or PODWIRE_CONFIG be set');
  return new Services(source, extras, systemEnv);
}

/** `env` is passed in for tests. */
export class Services implements Podwire {
  readonly #channels = new Map<string, Channel>();
  readonly #registries: readonly Registry[];
  readonly #env: Env;
  readonly #variables: NodeJS.ProcessEnv;
  readonly #watch: FileWatch | undefined;
  #config: FollowedConfig;
  #mode: Mode | undefined;
  #closing: Promise<void> | undefined;

  constructor(source: PodwireConfig | string, { registries = [] }: PodwireExtras, env: Env) {
    this.#registries = registries;
    this.#env = env;
    const text = typeof source === 'string' ? readConfigText(source) : undefined;
    const services = this.#check(text === undefined ? source : parseConfigText(text, String(source)));
    this.#config = { services, said: services };
    this.#variables = process.env;
    if (text === undefined) return;
    const path = String(source);
    // Modes of the file are options here, like all others in it.
    this.#variables = { ...process.env, PODWIRE_CONFIG: '' };
    this.#watch = new FileWatch(path, text, env.clock, {
      onText: (next) => this.#reload(next, path),
      onError: (error) => this.#tellError(error),
    });
  }

  get services(): readonly string[] {
    return [...this.#config.services.keys()];
  }

  channel(service: string): PodwireChannel {
    let channel = this.#channels.get(service);
    if (channel === undefined) {
      if (this.#closing !== undefined) throw new Error('these channels have been shut down');
      const entry = this.#config.services.get(service);
      if (entry === undefined)
        throw new InvalidInput('service', service, unknownWord(service, this.services));
      channel = new Channel(entry.target, entry.settings, this.#env, this.#variables);
      this.#channels.set(service, channel);
      if (this.#mode !== undefined) void channel.setMode(this.#mode);
    }
    return channel as unknown as PodwireChannel;
  }

  setMode(mode: Mode | undefined): Promise<void> {
    try {
      // All services are checked first, including those that are not in use yet.
      checkMesh(mode, this.#config.services);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#mode = mode;
    const done = Promise.all([...this.#channels.values()].map((channel) => channel.setMode(mode))).then(
      () => {},
    );
    // A caller that does not wait learns of a failure by the event of the channel.
    done.catch(() => {});
    return done;
  }

  snapshot(): Record<string, ChannelSnapshot> {
    return Object.fromEntries([...this.#channels].map(([name, channel]) => [name, channel.snapshot()]));
  }

  close(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#watch?.close();
    const closed = [...this.#channels.values()].map((channel) => channel.close(options));
    this.#closing ??= Promise.all(closed).then(() => {});
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ graceMs: SCOPE_GRACE_MS });
  }

  /** Checks all services of a config. */
  #check(config: unknown): CheckedServices {
    const entries = new Map<string, CheckedService>();
    for (const [name, { target, options }] of splitConfig(config)) {
      const own = (options.registries as readonly Registry[] | undefined) ?? [];
      const others = this.#registries.filter(({ scheme }) => own.every((each) => each.scheme !== scheme));
      const path = `config.services.${name}`;
      const settings = parseOptions({ ...options, registries: [...own, ...others] }, path);
      checkTarget(target, settings.registries, `${path}.target`);
      checkMode(settings.mode, settings.meshAddress, { mode: `${path}.mode`, mesh: `${path}.mesh` });
      entries.set(name, { target, settings });
    }
    return entries;
  }

  #reload(text: string, path: string): void {
    let saysNow: CheckedServices;
    try {
      saysNow = this.#check(parseConfigText(text, path));
      // Channels in use keep their addresses; one that is made later must be able to be where code sends all of them.
      checkMesh(
        this.#mode,
        [...saysNow].filter(([name]) => !this.#channels.has(name)),
      );
    } catch (error) {
      return this.#tellError(error as Error);
    }
    const { steps, ...config } = reload(this.#config, saysNow, this.#channels);
    // Before any channel tells of it: a listener may ask for a service that is new.
    this.#config = config;
    for (const step of steps) step();
  }

  #tellError(error: Error): void {
    for (const channel of this.#channels.values()) channel.tell('configError', error);
  }
}

/** Whether all of these services can be in a mode. */
function checkMesh(mode: Mode | undefined, services: Iterable<[string, CheckedService]>): void {
  for (const [name, { settings }] of services)
    checkMode(mode, settings.meshAddress, { mode: 'mode', mesh: `config.services.${name}.mesh` });
}

function checkTarget(target: string, registries: readonly Registry[], path: string): void {
  try {
    openTarget(target, systemEnv, registries);
  } catch (error) {
    throw new InvalidInput(path, target, `cannot be used: ${(error as Error).message}`);
  }
}
