import { isSame } from './same.ts';
import type { Settings } from './settings.ts';

/**
 * The settings of `before` with those of `after` that may change while calls run: what the rows of the option table mark as `live`. The
 * others hold what a channel was made with, such as certificates that are followed or a zone that was found.
 */
export function withLive(before: Settings, after: Settings): Settings {
  const { hashKey, mode, drainMs, waiting, serviceConfig, retries, given } = after;
  const { maxReceiveBytes, maxSendBytes } = after;
  // A policy that says the same is the same: what it built stays.
  const hasSamePolicy = ['policy', 'serviceConfig'].every((key) => isSame(before.given[key], given[key]));
  return {
    ...before,
    policy: hasSamePolicy ? before.policy : after.policy,
    hashKey,
    mode,
    drainMs,
    waiting,
    maxReceiveBytes,
    maxSendBytes,
    serviceConfig,
    retries,
    given,
  };
}
