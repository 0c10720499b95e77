/** More Pods than a set may have; with a hash of 32 bits still a whole number that a double holds. */
const MAX_COUNT = 2 ** 21;

/**
 * Indices in the order of their unsigned 32-bit hashes, which is alike in every client. Hash and index in one number
 * each, because a sort without a comparison function is some ten times as fast.
 */
export function byHash(hashes: Uint32Array): Uint32Array {
  const count = hashes.length;
  const keys = new Float64Array(count);
  for (let i = 0; i < count; i++) keys[i] = hashes[i]! * MAX_COUNT + i;
  keys.sort();
  const order = new Uint32Array(count);
  // The rest of a division of doubles takes ten times as long as this.
  for (let i = 0; i < count; i++) order[i] = keys[i]! - Math.floor(keys[i]! / MAX_COUNT) * MAX_COUNT;
  return order;
}
