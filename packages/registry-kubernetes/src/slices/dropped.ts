import { InvalidInput } from '@podwire/registry';

/** Named in one object; the rest are counted. */
const MAX_NAMED = 20;

/** What an API object said that could not be used: all counted, the first ones named. */
export class Dropped {
  #count = 0;
  readonly #named: string[] = [];

  add(path: string, value: unknown, rule: string): void {
    this.#count += 1;
    if (this.#named.length < MAX_NAMED) this.#named.push(new InvalidInput(path, value, rule).message);
  }

  /** Counts what was not looked at. */
  addUnseen(path: string, count: number, rule: string): void {
    this.#count += count;
    this.#named.push(`${path}: ${count} more ${rule}`);
  }

  list(): readonly string[] {
    const unnamed = this.#count - this.#named.length;
    return unnamed > 0 ? [...this.#named, `and ${unnamed} more`] : this.#named;
  }
}
