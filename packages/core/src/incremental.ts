/**
 * Work in parts, each far under a millisecond, with a `yield` in between: the caller can let other work in, so that
 * no number of Pods makes the event loop stand still. Ends with what was made.
 */
export type Incremental<T> = Generator<undefined, T, undefined>;

/** How many Pods, points or slots a part of a {@link Incremental} goes over. */
export const CHUNK = 4_096;

/** Work that is so little that it is done already. */
// biome-ignore lint/correctness/useYield: the one that has nothing to yield for
export function* done<T>(value: T): Incremental<T> {
  return value;
}

/** Does all of the work now. */
export function runToEnd<T>(work: Incremental<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
