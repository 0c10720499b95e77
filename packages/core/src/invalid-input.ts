import { acrossCopies } from './across-copies.ts';
import { show } from './show.ts';

/** Stands for a value that an error must not show. */
export const NOT_SHOWN: unique symbol = Symbol('not shown');

/** A value that breaks a rule: where it stands, what it is, what it must be. */
export class InvalidInput extends Error {
  static {
    acrossCopies(InvalidInput, 'podwire.InvalidInput');
  }
  override readonly name = 'InvalidInput';
  readonly path: string;
  readonly rule: string;
  constructor(path: string, value: unknown, rule: string) {
    super(value === NOT_SHOWN ? `${path} ${rule}` : `${path}: ${show(value)} ${rule}`);
    this.path = path;
    this.rule = rule;
  }
}
