import { InvalidInput } from '@podwire/core';

/** Named in one object; the rest are counted. */
const MAX_NAMED = 20;

/** What an API object said that could not be used: all counted, the first ones named. */
export class Dropped {
  readonly #named: string[] = [];
  readonly #unseen: string[] = [];
  #unnamed = 0;

  add(path: string, value: unknown, rule: string): void {
    if (this.#named.length < MAX_NAMED) this.#named.push(new InvalidInput(path, value, rule).message);
    else this.#unnamed += 1;
  }

  /** Counts what was not looked at. */
  addUnseen(path: string, count: number, rule: string): void {
    this.#unseen.push(`${path}: ${count} more ${rule}`);
  }

  list(): readonly string[] {
    const rest = this.#unnamed > 0 ? [`and ${this.#unnamed} more`] : [];
    return [...this.#named, ...rest, ...this.#unseen];
  }
}
