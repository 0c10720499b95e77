/**
 * Work in parts, each far under a millisecond, with a `yield` in between: whoever does it can let other work in, so that
 * no number of Pods makes the event loop stand still. Ends with what was made.
 */
export type Building<T> = Generator<undefined, T, undefined>;

/** How many Pods, points or slots a part of a {@link Building} goes over. */
export const PART = 4_096;

/** Work that is so little that it is done already. */
// biome-ignore lint/correctness/useYield: the one that has nothing to yield for
export function* made<T>(value: T): Building<T> {
  return value;
}

/** Does all of the work now. */
export function finish<T>(work: Building<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
