/** Whether two options have equal values. Other than plain objects, lists and Buffers, a value (a registry, a function) equals only itself. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Buffer.isBuffer(a) && Buffer.isBuffer(b)) return a.equals(b);
  if (!isPlain(a) || !isPlain(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  // An undefined option counts as not given.
  return [...Object.keys(a), ...Object.keys(b)].every((key) => isSame(a[key], b[key]));
}

/** Whether `has` already contains everything in `wanted`. */
export function includes(has: unknown, wanted: unknown): boolean {
  if (!isPlain(has) || !isPlain(wanted) || Array.isArray(wanted)) return isSame(has, wanted);
  return Object.keys(wanted).every((key) => includes(has[key], wanted[key]));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}
