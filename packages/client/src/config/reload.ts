import { InvalidInput } from '@podwire/core';
import { GRPC_ONLY_TABLE } from '../options/option-table.ts';
import { isSame } from '../options/same.ts';
import type { Settings } from '../options/settings.ts';
import { diffSettings } from './diff-settings.ts';

/** A service of a config, checked. */
export interface CheckedService {
  readonly target: string;
  readonly settings: Settings;
}

/** Services by name. */
export type CheckedServices = ReadonlyMap<string, CheckedService>;

/** The channel of a service, as far as a reload knows it. */
export interface ReloadedChannel {
  apply(settings: Settings): void;
  tell(
    event: 'config',
    value: { readonly changed: readonly string[]; readonly needsRestart: readonly string[] },
  ): void;
  tell(event: 'configError', value: Error): void;
}

/** The settings that services have, and those in the config file. They differ where a change needs a new channel. */
export interface FollowedConfig {
  readonly services: CheckedServices;
  /** The services of the last valid file. */
  readonly said: CheckedServices;
}

/** The result of a changed file. */
export interface Reload extends FollowedConfig {
  /** Applies the changes of the services that are in use, and tells their channels. Run once the services are those above. */
  readonly steps: readonly (() => void)[];
}

/**
 * Applies a changed config file to its services. A service in use takes the change whole or not at all, but for its mode, and its
 * channel's event says which; a service that is not in use yet is replaced. A channel is told of a change once, and not again when
 * the file changes for other services.
 */
export function reload(
  { services, said }: FollowedConfig,
  saysNow: CheckedServices,
  channels: ReadonlyMap<string, ReloadedChannel>,
): Reload {
  const now = new Map(saysNow);
  const steps: (() => void)[] = [];
  for (const [name, channel] of channels) {
    const was = services.get(name)!;
    const is = saysNow.get(name);
    now.set(name, was);
    if (isSameService(said.get(name), is)) continue;
    if (is === undefined) steps.push(() => channel.tell('configError', gone(name)));
    else {
      const { taken, ...change } = changeOf(was, is);
      now.set(name, taken);
      steps.push(() => {
        if (change.changed.length > 0) channel.apply(taken.settings);
        channel.tell('config', change);
      });
    }
  }
  return { services: now, said: saysNow, steps };
}

function changeOf(was: CheckedService, is: CheckedService) {
  const { applies, needsRestart: options } = diffSettings(was.settings, is.settings);
  const needsRestart = [...(was.target === is.target ? [] : ['target']), ...options.map(asWritten)];
  if (needsRestart.length === 0) return { taken: is, changed: applies.map(asWritten), needsRestart };
  if (!applies.includes('mode') || !canTakeMode(was, is)) return { taken: was, changed: [], needsRestart };
  const { mode, given } = is.settings;
  const settings = { ...was.settings, mode, given: { ...was.settings.given, mode: given.mode } };
  return { taken: { target: was.target, settings }, changed: ['mode'], needsRestart };
}

/** People change the mode at night, so it does not wait for options that need a new channel, unless the mode needs one of these itself. */
function canTakeMode(was: CheckedService, is: CheckedService): boolean {
  return is.settings.mode !== 'mesh' || was.settings.meshAddress !== undefined;
}

/** The name that docs/options.md has for an option. */
function asWritten(name: string): string {
  const grpcOnly: Readonly<Record<string, { readonly grpc: string }>> = GRPC_ONLY_TABLE;
  return grpcOnly[name]?.grpc ?? name;
}

function isSameService(a: CheckedService | undefined, b: CheckedService | undefined): boolean {
  return a?.target === b?.target && isSame(a?.settings.given, b?.settings.given);
}

function gone(name: string): InvalidInput {
  const rule = 'is in the file no more: its channel goes on as it is until it is closed';
  return new InvalidInput(`config.services.${name}`, undefined, rule);
}
