/** One watcher of a reflector: told that something changed, that it failed, or that it is over. */
export class ReflectorSubscription {
  readonly #onLeave: () => void;
  #state: 'quiet' | 'raised' | 'failed' | 'left' = 'quiet';
  #error: unknown;
  #wake: (() => void) | undefined;

  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  /** Something changed. Raised twice before it is seen counts once: a slow watcher sees the latest, not the backlog. */
  raise(): void {
    if (this.#state === 'quiet') this.#set('raised');
  }

  /** The reflector failed; changes that the watcher has not looked at yet are lost. */
  fail(error: unknown): void {
    if (this.#state === 'left') return;
    this.#error = error;
    this.#set('failed');
  }

  leave(): void {
    if (this.#state === 'left') return;
    this.#set('left');
    this.#onLeave();
  }

  /** Resolves true when something changed and false when the subscription was left; rejects when the reflector failed. */
  async changed(): Promise<boolean> {
    if (this.#state === 'quiet') {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#state === 'failed') throw this.#error;
    if (this.#state === 'left') return false;
    this.#state = 'quiet';
    return true;
  }

  #set(state: 'raised' | 'failed' | 'left'): void {
    this.#state = state;
    this.#wake?.();
    this.#wake = undefined;
  }
}
