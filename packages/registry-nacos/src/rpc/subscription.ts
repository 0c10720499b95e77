/** The requests of a subscription. */
export interface SubscriptionRequests {
  begin(): Promise<void>;
  end(): Promise<void>;
  /** The last listener left, and Nacos knows. */
  onOver(): void;
}

/**
 * One subscription of a session for any number of listeners: begun for the first, ended after the last. Its requests run one after
 * another, because an `end` that arrives after the next `begin` would end that one.
 */
export class Subscription<Listener> {
  readonly #requests: SubscriptionRequests;
  readonly #listeners = new Set<Listener>();
  #begun: Promise<void> | undefined;
  #tail: Promise<void> = Promise.resolve();

  constructor(requests: SubscriptionRequests) {
    this.#requests = requests;
  }

  get listeners(): ReadonlySet<Listener> {
    return this.#listeners;
  }

  /** Resolves with a function that removes the listener, once the subscription has begun. Rejects for every caller when `begin` fails. */
  async join(listener: Listener): Promise<() => void> {
    this.#listeners.add(listener);
    const begun = this.#begun ?? this.queue(() => this.#requests.begin());
    this.#begun = begun;
    try {
      await begun;
    } catch (error) {
      if (this.#begun === begun) this.#begun = undefined;
      this.#leave(listener);
      throw error;
    }
    return () => this.#leave(listener);
  }

  queue(work: () => Promise<void>): Promise<void> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => {});
    return done;
  }

  #leave(listener: Listener): void {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
    const end = async () => {
      if (this.#listeners.size > 0) return;
      this.#begun = undefined;
      // When it fails, Nacos goes on pushing to no listener.
      await this.#requests.end().catch(() => {});
      if (this.#listeners.size === 0) this.#requests.onOver();
    };
    void this.queue(end);
  }
}
