/** So far ahead an item is looked for before all that is left goes into a map. */
const AHEAD = 256;

/**
 * Where each item of `after` is in `before`, or -1. One walk along both when what stays is in the same order, as of the Pods of
 * a set that changed: only those that went are put into a map, which of ten thousand would take a millisecond to fill.
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
    // Not near: it is new, or was passed, or stands anywhere.
    if (to === end) to = passed.has(item) ? at : before.length;
    for (; at < to; at++) passed.set(before[at]!, at);
    found[i] = before[at] === item ? at++ : (passed.get(item) ?? -1);
  }
  return found;
}
