import type { Endpoint } from '../endpoint.ts';
import type { EndpointTable } from '../endpoint-table.ts';

type Endpoints = readonly Endpoint[];

/**
 * The Pods that are kept although an update removes all Pods, or more than half of them in a short time. A registry that was
 * restarted with an empty store, or to which only the first Pods have returned, sends such updates. Pods that still answer stay
 * for a bounded time; Pods that do not answer are released at once, so that a service that really shrank does shrink.
 * (Envoy's rule for eventually consistent discovery: absent and healthy is still routed to, absent and failed
 * is removed. https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery)
 */
export interface Held {
  readonly reason: string;
  /** On the clock's `nowMs`. */
  readonly untilMs: number;
  readonly endpoints: Endpoints;
}

/** Losses within this time are added up, because a faulty registry may also forget its instances one by one. */
const SUDDEN_MS = 10_000;

/** Remembers what was in use a short while ago, to tell a sudden loss from a slow one. */
export class Baseline {
  #endpoints: Endpoints = [];
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** Describes the loss from `used` to `said` if it looks like a fault of the registry; undefined otherwise. */
  massLoss(used: Endpoints, said: EndpointTable, nowMs: number): string | undefined {
    if (nowMs - this.#sinceMs >= SUDDEN_MS || used.length > this.#endpoints.length) {
      this.#endpoints = used;
      this.#sinceMs = nowMs;
    }
    return massLoss(this.#endpoints, said);
  }
}

/** Describes a change that looks more like a broken registry than like a service that shrank. */
function massLoss(before: Endpoints, after: EndpointTable): string | undefined {
  if (before.length === 0) return undefined;
  if (after.size === 0) return `the registry took away all ${before.length} endpoints at once`;
  // As many as before are not a loss, whichever Pods they are: every Pod of a roll-out is a new one.
  if (after.size * 2 >= before.length) return undefined;
  const gone = before.filter(({ id }) => !after.has(id)).length;
  return `the registry took away ${gone} of ${before.length} endpoints at once`;
}

/** The endpoints that `after` lacks and that still answer, without those that the registry had marked as draining. */
export function survivors(
  before: Endpoints,
  after: EndpointTable,
  isAlive: (id: string) => boolean,
): readonly Endpoint[] {
  return before.filter(({ id, phase }) => phase === 'serving' && !after.has(id) && isAlive(id));
}
