// Calls at an even rate through a generated client, and what became of them.

/** Only a call that hangs takes as long: of calls that wait for the processor there are `maxOpen` at most. */
const DEADLINE_MS = 15_000;

export class Load {
  #client;
  #callsPerSecond;
  #maxOpen;
  #timer;
  #sent = 0;
  #due = 0;
  #lastMs = performance.now();
  #idle;
  /** Counters since the last `take`. */
  #window = newWindow();
  open = 0;
  lastError = '';

  constructor(client, callsPerSecond, maxOpen = Number.POSITIVE_INFINITY) {
    this.#client = client;
    this.setRate(callsPerSecond, maxOpen);
    this.#timer = setInterval(() => this.#tick(), 5);
  }

  setRate(callsPerSecond, maxOpen = Number.POSITIVE_INFINITY) {
    this.#callsPerSecond = callsPerSecond;
    this.#maxOpen = maxOpen;
  }

  #tick() {
    const nowMs = performance.now();
    this.#due += ((nowMs - this.#lastMs) * this.#callsPerSecond) / 1_000;
    this.#lastMs = nowMs;
    for (; this.#due >= 1; this.#due--) {
      if (this.open < this.#maxOpen) this.#send();
      else this.#window.heldBack += 1;
    }
  }

  #send() {
    this.#sent += 1;
    this.open += 1;
    const startedMs = performance.now();
    // Counted where the call began: a slow one belongs to what was going on then.
    const window = this.#window;
    window.calls += 1;
    this.#client.get({ id: String(this.#sent) }, { deadline: Date.now() + DEADLINE_MS }, (error, order) => {
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
    while (taken.latenciesMs.length < taken.calls) await new Promise((resolve) => setTimeout(resolve, 1));
    return taken;
  }

  async stop() {
    clearInterval(this.#timer);
    if (this.open > 0) await new Promise((resolve) => (this.#idle = resolve));
  }
}

function newWindow() {
  return { calls: 0, heldBack: 0, failed: 0, byPod: new Map(), latenciesMs: [] };
}

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
