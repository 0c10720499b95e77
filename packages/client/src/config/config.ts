import { checkKeys, InvalidInput, oneOf, string } from '@podwire/core';
import { parseText, readText } from '../files/read-text.ts';
import type { ChannelOptions } from '../options/channel-options.ts';
import { MODES, type Mode } from '../options/mode.ts';
import { overlay } from '../options/overlay.ts';
import { parseOptions } from '../options/settings.ts';

/** One service in a config: its target, and options that override the defaults. */
export interface ServiceConfigEntry extends ChannelOptions {
  /** The target, such as `kubernetes:///orders.prod:grpc`. */
  readonly target: string;
}

/** The config of many services; it is the same in code and in a file. */
export interface PodwireConfig {
  /** For editors. */
  readonly $schema?: string;
  /** The mode of all services that do not set one. */
  readonly mode?: Mode;
  /** Options of all services. */
  readonly defaults?: ChannelOptions;
  /** The services, by the name that the application asks for. */
  readonly services: Readonly<Record<string, ServiceConfigEntry>>;
}

/** Reads a config file's text. Throws `InvalidInput` that names the file. */
export function readConfigText(path: string): string {
  try {
    return readText(path);
  } catch (error) {
    throw new InvalidInput('config', path, `cannot be read: ${(error as Error).message}`);
  }
}

/** Parses the text of a config file, JSON or YAML. Throws `InvalidInput` that names the file. */
export function parseConfigText(text: string, path: string): unknown {
  return parseText(text, `config: ${path}`);
}

/** A service's target and options, checked for shape; the options themselves are checked by the channel. */
export interface ServiceEntry {
  readonly target: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Splits a config into its services, each with the defaults under its own options. Throws `InvalidInput`. */
export function splitConfig(input: unknown): ReadonlyMap<string, ServiceEntry> {
  const config = checkKeys(input, ['$schema', 'mode', 'defaults', 'services'], 'config');
  string(config.$schema, 'config.$schema');
  oneOf(config.mode, 'config.mode', MODES);
  const defaults = object(config.defaults === undefined ? {} : config.defaults, 'config.defaults');
  // The defaults are checked by themselves, so that an error names their place, even if every service overrides them.
  parseOptions(defaults, 'config.defaults');
  const services = object(config.services, 'config.services');
  const entries = new Map<string, ServiceEntry>();
  for (const [name, value] of Object.entries(services)) {
    const path = `config.services.${name}`;
    const { target, ...own } = object(value, path);
    if (typeof target !== 'string')
      throw new InvalidInput(`${path}.target`, target, 'must be a target, such as dns:///orders:50051');
    const mode = own.mode ?? defaults.mode ?? config.mode;
    entries.set(name, {
      target,
      options: { name, ...overlay(defaults, own), ...(mode !== undefined && { mode }) },
    });
  }
  return entries;
}

function object(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new InvalidInput(path, value, 'must be an object');
}
