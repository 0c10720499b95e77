/** Into how many slots the window is divided. The oldest one is forgotten as a whole. */
export const SLOTS = 12;

/** How many attempts at one Pod succeeded and failed, slot by slot, over the last {@link SLOTS} slots. A slot has a number: time divided by its length. */
export class RateWindow {
  /** Per slot: successes, then failures. */
  readonly #counts = new Uint32Array(2 * SLOTS);
  /** The number of the newest slot. */
  #newest = 0;

  add(slot: number, isSuccess: boolean): void {
    if (slot !== this.#newest) this.advance(slot);
    const at = 2 * (slot % SLOTS) + (isSuccess ? 0 : 1);
    this.#counts[at] = this.#counts[at]! + 1;
  }

  /** Time has come to this slot: those that are too old now are forgotten. */
  advance(slot: number): void {
    const first = Math.max(this.#newest + 1, slot - SLOTS + 1);
    for (let passed = first; passed <= slot; passed++) {
      const at = 2 * (passed % SLOTS);
      this.#counts[at] = 0;
      this.#counts[at + 1] = 0;
    }
    this.#newest = Math.max(this.#newest, slot);
  }

  /** Successes in the slot that is `age` slots older than the newest one. */
  successes(age: number): number {
    return this.#counts[this.#at(age)]!;
  }

  /** Failures and time-outs in that slot. */
  failures(age: number): number {
    return this.#counts[this.#at(age) + 1]!;
  }

  /** The share of successes in the whole window; undefined without attempts. */
  get rate(): number | undefined {
    let successes = 0;
    let failures = 0;
    for (let age = 0; age < SLOTS; age++) {
      successes += this.successes(age);
      failures += this.failures(age);
    }
    return successes + failures === 0 ? undefined : successes / (successes + failures);
  }

  clear(): void {
    this.#counts.fill(0);
  }

  #at(age: number): number {
    return 2 * ((this.#newest - age + SLOTS) % SLOTS);
  }
}
