import { InvalidInput, NOT_SHOWN } from './invalid-input.ts';
import { unknownWord } from './words.ts';

/** The error for a key that means nothing. Its value stays out: it may be a password whose key was misspelt. */
export function unknownKey(
  path: string,
  key: string,
  known: readonly string[],
  listedIn?: string,
): InvalidInput {
  return new InvalidInput(path, NOT_SHOWN, unknownWord(key, known, listedIn));
}

/** Checks that `value` is an object with known keys only; throws {@link InvalidInput} with the key's path. */
export function checkKeys(value: unknown, known: readonly string[], path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidInput(path === '' ? 'document' : path, value, 'must be an object');
  }
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    throw unknownKey(path === '' ? key : `${path}.${key}`, key, known);
  }
  return value as Record<string, unknown>;
}
