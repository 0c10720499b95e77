/** How many dropped parts of one list are named; the rest are counted. */
const MAX_NAMED = 20;

/** The parts of a list that could not be used: all are counted, and the first ones are named. */
export class Dropped {
  #count = 0;
  readonly #named: string[] = [];

  add(message: string): void {
    this.#count += 1;
    if (this.#named.length < MAX_NAMED) this.#named.push(message);
  }

  list(): readonly string[] {
    const unnamed = this.#count - this.#named.length;
    return unnamed > 0 ? [...this.#named, `and ${unnamed} more`] : this.#named;
  }
}
