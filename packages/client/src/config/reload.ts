import { InvalidInput } from '@podwire/core';
import { isSame } from '../options/same.ts';
import type { Settings } from '../options/settings.ts';
import { diffSettings } from './diff-settings.ts';

/** A service of a config, checked. */
export interface CheckedService {
  readonly target: string;
  readonly settings: Settings;
}

/** The channel of a service, as far as a reload knows it. */
export interface ReloadedChannel {
  apply(settings: Settings): void;
  tell(
    event: 'config',
    value: { readonly changed: readonly string[]; readonly needsRestart: readonly string[] },
  ): void;
  tell(event: 'configError', value: Error): void;
}

/**
 * Brings the services of a config to what its file says now. A service that is in use takes the change whole or not at all, and its
 * channel's event says which; one that is not in use yet is simply another one. Returns what each service goes by from now on.
 */
export function reload(
  before: ReadonlyMap<string, CheckedService>,
  after: ReadonlyMap<string, CheckedService>,
  channels: ReadonlyMap<string, ReloadedChannel>,
): Map<string, CheckedService> {
  const now = new Map(after);
  for (const [name, channel] of channels) {
    const was = before.get(name)!;
    const is = after.get(name);
    now.set(name, is === undefined ? gone(name, was, channel) : change(was, is, channel));
  }
  return now;
}

function gone(name: string, was: CheckedService, channel: ReloadedChannel): CheckedService {
  const rule = 'is in the file no more: its channel goes on as it is until it is closed';
  channel.tell('configError', new InvalidInput(`config.services.${name}`, undefined, rule));
  return was;
}

function change(was: CheckedService, is: CheckedService, channel: ReloadedChannel): CheckedService {
  const { applies, needsRestart } = diffSettings(was.settings, is.settings);
  const restarts = isSame(was.target, is.target) ? needsRestart : ['target', ...needsRestart];
  if (restarts.length > 0) {
    channel.tell('config', { changed: [], needsRestart: restarts });
    return was;
  }
  if (applies.length === 0) return was;
  channel.apply(is.settings);
  channel.tell('config', { changed: applies, needsRestart: [] });
  return is;
}
