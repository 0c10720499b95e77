import { isIPv4 } from '../node-net.ts';

/** Which addresses are wanted. */
export type Family = 4 | 6 | 'any';

export const FAMILIES: Readonly<Record<Family, readonly (4 | 6)[]>> = { 4: [4], 6: [6], any: [4, 6] };

/** An answer of which a part is missing, because DNS could not be asked for it. */
export interface HalfAnswer {
  readonly addresses: readonly string[];
  readonly failed: readonly FamilyFailure[];
}

/** A family that DNS could not be asked for; that there is no such record is not a failure. */
export interface FamilyFailure {
  readonly family: 4 | 6;
  readonly error: Error;
}

/** Codes of "no such name" and "no such record". */
const NOT_FOUND = new Set(['ENOTFOUND', 'ENODATA']);

/** That there is no such name or record is an answer: an empty list. */
export async function noneIfNotFound<T>(answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer;
  } catch (error) {
    if (NOT_FOUND.has((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

export const familyOf = (address: string): 4 | 6 => (isIPv4(address) ? 4 : 6);

/** Asks for each family by itself: a failure says nothing of what that family has, and must not lose the other. */
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
