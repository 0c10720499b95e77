/** More Pods than a set may have. A hash of 32 bits times this is still an integer that a double holds exactly. */
const MAX_COUNT = 2 ** 21;

/**
 * Indices in the order of their unsigned 32-bit hashes, which is the same in every client. Each hash is joined with its index in one
 * number, because a sort without a comparison function is about ten times as fast.
 */
export function byHash(hashes: Uint32Array): Uint32Array {
  const count = hashes.length;
  const keys = new Float64Array(count);
  for (let i = 0; i < count; i++) keys[i] = hashes[i]! * MAX_COUNT + i;
  keys.sort();
  const order = new Uint32Array(count);
  // The operator % takes ten times as long on doubles.
  for (let i = 0; i < count; i++) order[i] = keys[i]! - Math.floor(keys[i]! / MAX_COUNT) * MAX_COUNT;
  return order;
}
