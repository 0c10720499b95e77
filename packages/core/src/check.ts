import { InvalidInput, NOT_SHOWN } from './invalid-input.ts';
import { unknownWord } from './words.ts';

/** The error for an unknown key. It does not show the value, which may be a password whose key was misspelt. */
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

/** A number within bounds, an integer unless the rule says otherwise, or its default when not given. Throws {@link InvalidInput}. */
export function number(
  value: unknown,
  path: string,
  rule: { readonly default: number; readonly min: number; readonly max?: number; readonly integer?: boolean },
): number {
  if (value === undefined) return rule.default;
  const max = rule.max ?? Number.MAX_SAFE_INTEGER;
  const whole = rule.integer === false || Number.isInteger(value);
  if (typeof value === 'number' && whole && value >= rule.min && value <= max) return value;
  const to = rule.max === undefined ? '' : ` to ${rule.max}`;
  throw new InvalidInput(
    path,
    value,
    `must be ${rule.integer === false ? 'a number' : 'an integer'} from ${rule.min}${to}`,
  );
}

/** A string that is not empty, or undefined when not given. Throws {@link InvalidInput}. */
export function string(value: unknown, path: string): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw new InvalidInput(path, value, 'must be a string that is not empty');
}

/** True or false, or the default when not given. Throws {@link InvalidInput}. */
export function boolean(value: unknown, path: string, byDefault: boolean): boolean {
  if (value === undefined) return byDefault;
  if (typeof value === 'boolean') return value;
  throw new InvalidInput(path, value, 'must be true or false');
}

/** One of some words, or undefined when not given. Throws {@link InvalidInput}. */
export function oneOf<T extends string>(value: unknown, path: string, words: readonly T[]): T | undefined {
  if (value === undefined || words.includes(value as T)) return value as T | undefined;
  throw new InvalidInput(path, value, `must be one of: ${words.join(', ')}`);
}
