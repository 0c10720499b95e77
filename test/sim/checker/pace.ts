import type { Entry } from '../history.ts';
import type { Fail } from './check.ts';

/** After so many attempts in vain, jitter has spread those that began together. */
const SPREAD = 4;
/** So many that are repeated within the same millisecond are no chance. */
const TOGETHER = 5;
const MOMENT_MS = 20;
/** More Pods than this meet by chance. */
const MOST_PODS = 40;

/** Looks for attempts to connect that are repeated in step: all clients of a Pod would come back together. */
export class Pace {
  readonly #fail: Fail;
  /** By client and Pod, how often it was dialed in vain. */
  readonly #tries = new Map<string, number>();
  #atMs = 0;
  #together = 0;
  #stalledUntilMs = 0;

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  see(entry: Entry): void {
    // What a stall held up happens at once, afterwards.
    if (entry.is === 'stall') this.#stalledUntilMs = entry.atMs + entry.forMs + MOMENT_MS;
    if (entry.is === 'pod' && entry.state === 'ready') this.#tries.delete(`${entry.client} ${entry.pod}`);
    if (entry.is !== 'dial') return;
    const key = `${entry.client} ${entry.pod}`;
    const tries = (this.#tries.get(key) ?? 0) + 1;
    this.#tries.set(key, tries);
    if (tries <= SPREAD || this.#tries.size > MOST_PODS || entry.atMs < this.#stalledUntilMs) return;
    this.#together = entry.atMs === this.#atMs ? this.#together + 1 : 1;
    this.#atMs = entry.atMs;
    if (this.#together === TOGETHER)
      this.#fail(entry.atMs, `${TOGETHER} attempts to connect were repeated in the same millisecond`);
  }
}
