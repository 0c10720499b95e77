/**
 * Work in parts, each far under a millisecond, with a `yield` in between. There the caller can let other work in, so that
 * no number of Pods blocks the event loop. It returns its result.
 */
export type Incremental<T> = Generator<undefined, T, undefined>;

/** How many Pods, points or slots one part of an {@link Incremental} handles. */
export const CHUNK = 4_096;

/** Work whose result is known already. */
// biome-ignore lint/correctness/useYield: it has nothing to yield for
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
