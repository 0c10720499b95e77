import { isSame } from './same.ts';
import type { Settings } from './settings.ts';

/**
 * The settings of `before` with those of `after` that may change while calls run: what the rows of the option table mark as `live`. The
 * others hold what a channel was made with, such as certificates that are followed or a zone that was found.
 */
export function withLive(before: Settings, after: Settings): Settings {
  const { hashKey, mode, drainMs, waiting, serviceConfig, retries, given } = after;
  const { maxReceiveBytes, maxSendBytes } = after;
  return {
    ...before,
    policy: hasSamePolicy(before, after) ? before.policy : after.policy,
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

/** A policy that says the same is the same: what it built stays, whatever else the service config says of methods. */
function hasSamePolicy({ given: was, ...before }: Settings, { given: is, ...after }: Settings): boolean {
  if (was.policy !== undefined || is.policy !== undefined) return isSame(was.policy, is.policy);
  const isDefault = before.serviceConfig.policy === undefined && after.serviceConfig.policy === undefined;
  return isDefault || isSame(was.serviceConfig, is.serviceConfig);
}
