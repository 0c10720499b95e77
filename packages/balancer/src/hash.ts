/** FNV-1a's prime and basis, http://www.isthe.com/chongo/tech/comp/fnv/ */
const PRIME = 0x01000193;
const BASIS = 0x811c9dc5;

/** An unsigned 32-bit hash of a call's key, the same in every process. Allocates nothing. */
export function hashKey(key: string): number {
  let hash = BASIS;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), PRIME);
  return mix(hash);
}

/** MurmurHash3's finaliser: spreads every bit of a number over all 32. */
export function mix(value: number): number {
  return mixSigned(value) >>> 0;
}

/** The same, signed: V8 keeps such numbers without allocating, wherever the function is called from. */
export function mixSigned(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
