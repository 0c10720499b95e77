// Calls at an even rate through a generated client, and what became of them.
export class Load {
  #client;
  #timer;
  #sent = 0;
  #startedMs = performance.now();
  #idle;
  /** Counters since the last `take`. */
  #window = newWindow();
  open = 0;
  lastError = '';

  constructor(client, callsPerSecond) {
    this.#client = client;
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - this.#startedMs) * callsPerSecond) / 1_000);
      while (this.#sent < due) this.#send();
    }, 5);
  }

  #send() {
    this.#sent += 1;
    this.open += 1;
    const startedMs = performance.now();
    // Counted where the call began: a slow one belongs to what was going on then.
    const window = this.#window;
    window.calls += 1;
    this.#client.get({ id: String(this.#sent) }, { deadline: Date.now() + 5_000 }, (error, order) => {
      this.open -= 1;
      window.latenciesMs.push(performance.now() - startedMs);
      if (error === null) window.byPod.set(order.pod, (window.byPod.get(order.pod) ?? 0) + 1);
      else {
        window.failed += 1;
        this.lastError = error.message;
      }
      if (this.open === 0) this.#idle?.();
    });
  }

  get window() {
    return this.#window;
  }

  /** Begins a new window and returns the one before when its calls have ended. */
  async take() {
    const taken = this.#window;
    this.#window = newWindow();
    while (taken.latenciesMs.length < taken.calls) await new Promise((resolve) => setImmediate(resolve));
    return taken;
  }

  async stop() {
    clearInterval(this.#timer);
    if (this.open > 0) await new Promise((resolve) => (this.#idle = resolve));
  }
}

function newWindow() {
  return { calls: 0, failed: 0, byPod: new Map(), latenciesMs: [] };
}

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
