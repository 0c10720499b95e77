import type { Endpoint } from '../endpoint.ts';

/**
 * What is kept of an update that takes away all Pods, or more than half of them at once: a registry that was restarted
 * with an empty store, or knows only the first of those that will come back, says just that. Pods that still answer
 * stay for a bounded time; Pods that do not answer are let go at once, so that a service that really shrank is believed.
 */
export interface Held {
  readonly reason: string;
  /** On the clock's `nowMs`. */
  readonly untilMs: number;
  readonly endpoints: ReadonlyMap<string, Endpoint>;
}

/** A set this small halves in every ordinary roll-out. */
const MIN_FOR_HALF = 3;

/** Whether a change from `before` to `after` endpoints looks more like a broken registry than like a service that shrank. */
export function suspicion(
  before: ReadonlyMap<string, Endpoint>,
  after: ReadonlyMap<string, Endpoint>,
): string | undefined {
  if (before.size === 0) return undefined;
  if (after.size === 0) return `the registry took away all ${before.size} endpoints at once`;
  let gone = 0;
  for (const id of before.keys()) if (!after.has(id)) gone += 1;
  const halved = before.size >= MIN_FOR_HALF && gone * 2 > before.size && after.size * 2 < before.size;
  return halved ? `the registry took away ${gone} of ${before.size} endpoints at once` : undefined;
}

/** The endpoints that `after` misses and that still answer. */
export function survivors(
  before: ReadonlyMap<string, Endpoint>,
  after: ReadonlyMap<string, Endpoint>,
  isAlive: (id: string) => boolean,
): Map<string, Endpoint> {
  const kept = new Map<string, Endpoint>();
  for (const [id, endpoint] of before) if (!after.has(id) && isAlive(id)) kept.set(id, endpoint);
  return kept;
}
