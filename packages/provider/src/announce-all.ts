import { type AnnounceOptions, beginToAnnounce, type Presence } from './announce.ts';

export type Announced = ReturnType<typeof beginToAnnounce>;

/** Begins to announce a Pod for every service; for none without a registry. Throws what `announce` rejects with at once. */
export function announceAll(
  options: Omit<Partial<AnnounceOptions>, 'service' | 'port'> & Pick<AnnounceOptions, 'port'>,
  services: readonly string[],
): readonly Announced[] {
  const { registry } = options;
  if (registry === undefined) return [];
  const begun: Announced[] = [];
  try {
    for (const service of services) begun.push(beginToAnnounce({ ...options, registry, service }));
  } catch (error) {
    withdrawAll(begun.map(({ presence }) => presence));
    throw error;
  }
  return begun;
}

/** Of a provider that does not come about; the error that it is given says why. */
export function withdrawAll(presences: readonly Presence[]): void {
  for (const presence of presences) presence.withdraw().catch(() => {});
}

/** Waits for all of them, and rejects with the first that did. */
export async function all(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason;
}
