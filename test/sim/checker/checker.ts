import type { Entry } from '../history.ts';
import { afterRemoval } from './after-removal.ts';
import { avoids } from './avoids.ts';
import { Book } from './book.ts';
import { bounds } from './bounds.ts';
import { budget } from './budget.ts';
import { calm } from './calm.ts';
import type { Check, Invariant, Violation } from './check.ts';
import { counts } from './counts.ts';
import { ejections } from './ejections.ts';
import { endsOnce } from './ends-once.ts';
import { nothingLeft } from './nothing-left.ts';
import { polices } from './polices.ts';
import { runsOnce } from './runs-once.ts';
import { shares } from './shares.ts';
import { starvation } from './starvation.ts';
import { timeouts } from './timeouts.ts';
import { wantsNoPod } from './wants-no-pod.ts';

/** H1 to H15. */
export const INVARIANTS: readonly Invariant[] = [
  endsOnce,
  runsOnce,
  afterRemoval,
  avoids,
  nothingLeft,
  shares,
  starvation,
  budget,
  ejections,
  polices,
  wantsNoPod,
  bounds,
  counts,
  calm,
  timeouts,
];

/** One fault breaks an invariant a thousand times: the first ones say which. */
const MAX_EACH = 3;

/** Holds a history to all invariants, entry by entry. Entries come in the order of their times, from a simulation or from real processes. */
export class Checker {
  readonly violations: Violation[] = [];
  readonly book = new Book();
  readonly #checks: readonly Check[];

  constructor(invariants = INVARIANTS) {
    this.#checks = invariants.map((invariant) => this.#begin(invariant));
  }

  see(entry: Entry): void {
    this.book.see(entry);
    for (const check of this.#checks) check.see(entry);
  }

  /** The history is at its end: what it breaks. */
  finish(): readonly Violation[] {
    for (const check of this.#checks) check.finish?.();
    return this.violations;
  }

  #begin({ id, begin }: Invariant): Check {
    let count = 0;
    return begin(this.book, (atMs, text) => {
      count += 1;
      if (count <= MAX_EACH) this.violations.push({ invariant: id, atMs, text });
    });
  }
}

/** What a recorded history breaks. */
export function check(history: Iterable<Entry>): readonly Violation[] {
  const checker = new Checker();
  for (const entry of history) checker.see(entry);
  return checker.finish();
}
