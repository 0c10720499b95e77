import { InvalidInput } from '@podwire/registry';

/** A number within bounds, or its default when not given. */
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

export function string(value: unknown, path: string): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw new InvalidInput(path, value, 'must be a string that is not empty');
}

export function boolean(value: unknown, path: string, byDefault: boolean): boolean {
  if (value === undefined) return byDefault;
  if (typeof value === 'boolean') return value;
  throw new InvalidInput(path, value, 'must be true or false');
}

export function oneOf<T extends string>(value: unknown, path: string, words: readonly T[]): T | undefined {
  if (value === undefined || words.includes(value as T)) return value as T | undefined;
  throw new InvalidInput(path, value, `must be one of: ${words.join(', ')}`);
}
