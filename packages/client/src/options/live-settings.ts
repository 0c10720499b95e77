import { isSame } from './same.ts';
import type { Settings } from './settings.ts';

/**
 * The settings of `before`, except that options that may change while calls run (`live` in the option table) come from `after`. The
 * others stay, with the objects that the channel was made with, such as watched certificates or a zone that was found.
 */
export function withLive(before: Settings, after: Settings): Settings {
  const {
    hashKey,
    mode,
    health,
    drainMs,
    panicThreshold,
    waiting,
    serviceConfig,
    retries,
    retryBudget,
    limits,
    given,
  } = after;
  const { maxReceiveBytes, maxSendBytes } = after;
  return {
    ...before,
    policy: hasSamePolicy(before, after) ? before.policy : after.policy,
    hashKey,
    mode,
    health,
    drainMs,
    panicThreshold,
    waiting,
    maxReceiveBytes,
    maxSendBytes,
    serviceConfig,
    retries,
    retryBudget,
    limits,
    given,
  };
}

/** Whether both have the same policy. Its object then stays, and with it the picker, when only settings of methods change. */
function hasSamePolicy({ given: was, ...before }: Settings, { given: is, ...after }: Settings): boolean {
  if (was.policy !== undefined || is.policy !== undefined) return isSame(was.policy, is.policy);
  const isDefault = before.serviceConfig.policy === undefined && after.serviceConfig.policy === undefined;
  return isDefault || isSame(was.serviceConfig, is.serviceConfig);
}
