import { InvalidInput } from '@podwire/core';

/** How many dropped parts of one object are named; the rest are counted. */
const MAX_NAMED = 20;

/** The parts of an API object that could not be used: all are counted, and the first ones are named. */
export class Dropped {
  readonly #named: string[] = [];
  readonly #unseen: string[] = [];
  #unnamed = 0;

  add(path: string, value: unknown, rule: string): void {
    if (this.#named.length < MAX_NAMED) this.#named.push(new InvalidInput(path, value, rule).message);
    else this.#unnamed += 1;
  }

  /** Counts parts that were not looked at. */
  addUnseen(path: string, count: number, rule: string): void {
    this.#unseen.push(`${path}: ${count} more ${rule}`);
  }

  list(): readonly string[] {
    const rest = this.#unnamed > 0 ? [`and ${this.#unnamed} more`] : [];
    return [...this.#named, ...rest, ...this.#unseen];
  }
}
