type Task = (done: () => void) => void;

/** Lets no more than `limit` tasks run at once; the others begin in the order they came. */
export class Turns {
  #waiting: (Task | undefined)[] = [];
  /** Index of who is next; a Pod set of ten thousand would make `shift` slow. */
  #next = 0;
  #free: number;

  constructor(limit: number) {
    this.#free = limit;
  }

  /** Runs the task in its turn, never at once; its place is free again when it first calls `done`. */
  take(task: Task): void {
    this.#waiting.push(task);
    queueMicrotask(() => this.#begin());
  }

  #begin(): void {
    const task = this.#waiting[this.#next];
    if (this.#free === 0 || task === undefined) return;
    this.#waiting[this.#next++] = undefined;
    if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    }
    this.#free -= 1;
    let ended = false;
    task(() => {
      if (ended) return;
      ended = true;
      this.#free += 1;
      queueMicrotask(() => this.#begin());
    });
  }
}
