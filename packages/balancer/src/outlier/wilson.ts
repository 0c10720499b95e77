/**
 * The normal quantile for a one-sided confidence of 99.9 %. With so much, two Pods that are equally good hardly ever differ, although they
 * are compared every second.
 */
const Z = 3.0902;

/**
 * The bounds of a success rate of which some attempts are known: a Wilson score interval (E. B. Wilson, 1927), which also holds for few attempts
 * and for rates near 0 and 1.
 */
export function wilson(
  successes: number,
  attempts: number,
): { readonly lower: number; readonly upper: number } {
  if (attempts === 0) return { lower: 0, upper: 1 };
  const rate = successes / attempts;
  const z2 = (Z * Z) / attempts;
  const center = rate + z2 / 2;
  const half = Z * Math.sqrt((rate * (1 - rate)) / attempts + z2 / (4 * attempts));
  return { lower: (center - half) / (1 + z2), upper: (center + half) / (1 + z2) };
}
