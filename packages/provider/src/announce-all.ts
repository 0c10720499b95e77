import { type Clock, systemClock } from '@podwire/core';
import { type AnnounceOptions, beginToAnnounce, type Presence } from './announce.ts';
import { within } from './within.ts';

export type Announced = ReturnType<typeof beginToAnnounce>;

/** Begins to announce a Pod for every service; for none without a registry. Rejects if `announce` rejects at once. */
export async function announceAll(
  options: Omit<Partial<AnnounceOptions>, 'service' | 'port'> & Pick<AnnounceOptions, 'port'>,
  services: readonly string[],
  withdrawTimeoutMs: number,
): Promise<readonly Announced[]> {
  const { registry } = options;
  if (registry === undefined) return [];
  const begun: Announced[] = [];
  try {
    for (const service of services) begun.push(beginToAnnounce({ ...options, registry, service }));
  } catch (error) {
    await withdrawAll(
      begun.map(({ presence }) => presence),
      withdrawTimeoutMs,
      options.clock,
    );
    throw error;
  }
  return begun;
}

/** Withdraws the Pods of a provider that failed to start, within `timeoutMs`. Errors are ignored: the caller reports why it failed. */
export async function withdrawAll(
  presences: readonly Presence[],
  timeoutMs: number,
  clock: Clock = systemClock,
): Promise<void> {
  const withdrawals = presences.map((presence) => presence.withdraw());
  await within(Promise.allSettled(withdrawals), timeoutMs, clock);
}

/** Waits for all promises, then rejects with the first error, if any. */
export async function all(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason;
}
