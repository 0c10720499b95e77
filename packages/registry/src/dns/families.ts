import { isIPv4 } from '../node-net.ts';

/** The addresses that the user wants: IPv4, IPv6 or both. */
export type Family = 4 | 6 | 'any';

export const FAMILIES: Readonly<Record<Family, readonly (4 | 6)[]>> = { 4: [4], 6: [6], any: [4, 6] };

/** An answer that lacks a part, because DNS did not answer for it. */
export interface HalfAnswer {
  readonly addresses: readonly string[];
  readonly failed: readonly FamilyFailure[];
}

/** A family for which DNS did not answer. "No such record" is an answer. */
export interface FamilyFailure {
  readonly family: 4 | 6;
  readonly error: Error;
}

/** Codes of "no such name" and "no such record". */
const NOT_FOUND = new Set(['ENOTFOUND', 'ENODATA']);

/** Turns "no such name" and "no such record" into an empty list. */
export async function noneIfNotFound<T>(answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer;
  } catch (error) {
    if (NOT_FOUND.has((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

export const familyOf = (address: string): 4 | 6 => (isIPv4(address) ? 4 : 6);

/** Asks for each family separately: when one fails, its addresses are unknown, and the other's are still used. */
export async function askByFamily(
  families: readonly (4 | 6)[],
  question: (family: 4 | 6) => Promise<string[]>,
): Promise<HalfAnswer> {
  const addresses: string[] = [];
  const failed: FamilyFailure[] = [];
  const ask = async (family: 4 | 6) => {
    try {
      addresses.push(...(await noneIfNotFound(question(family))));
    } catch (error) {
      failed.push({ family, error: error as Error });
    }
  };
  await Promise.all(families.map(ask));
  return { addresses, failed };
}
