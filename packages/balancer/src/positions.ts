/** How far ahead an item is looked for before the rest goes into a map. */
const AHEAD = 256;

/**
 * Where each item of `after` is in `before`, or -1. The Pods that stay in a set nearly always keep their order; then one walk along both
 * lists is enough, and only those that went are put into a map. A map of ten thousand would take a millisecond to fill.
 */
export function positions<T>(before: readonly T[], after: readonly T[]): Int32Array {
  const found = new Int32Array(after.length);
  const passed = new Map<T, number>();
  let at = 0;
  for (let i = 0; i < after.length; i++) {
    const item = after[i]!;
    if (before[at] === item) {
      found[i] = at++;
      continue;
    }
    const end = Math.min(at + AHEAD, before.length);
    let to = at;
    while (to < end && before[to] !== item) to++;
    // It is not near: it is new, or was passed, or is further on.
    if (to === end) to = passed.has(item) ? at : before.length;
    for (; at < to; at++) passed.set(before[at]!, at);
    found[i] = before[at] === item ? at++ : (passed.get(item) ?? -1);
  }
  return found;
}
