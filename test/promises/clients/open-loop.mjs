// Calls at an even rate: each begins when it is due, and its latency counts from then, whatever becomes of those before.
import * as grpc from '@grpc/grpc-js';
import { nowMs } from '../time.mjs';

const message = Buffer.alloc(100, 'podwire');

export class OpenLoop {
  #clients;
  #order;
  #timer;
  #dueMs = 0;
  #open = 0;
  #idle;
  /** `{ id, method, dueMs, startMs, endMs, code, pod, details }`, in the order of their ends. */
  calls = [];
  #begun = 0;

  /**
   * `order`: `name` (before each call's number in its id), `perSecond`, `deadlineMs`, `methods` as `[name, share, deadlineMs]`,
   * `cancel` (`{ share, afterMs }`), `keys` (calls carry `call-key` in turn), `killEvery` (each so many kill the process that takes them),
   * `repeats` (so many times the caller tries a failed call again).
   */
  constructor(clients, order) {
    this.#clients = clients;
    this.#order = order;
  }

  start() {
    this.#dueMs = nowMs();
    this.#tick();
  }

  set(changes) {
    Object.assign(this.#order, changes);
  }

  /** No more calls; resolves when those that are open have ended. */
  async stop() {
    clearTimeout(this.#timer);
    if (this.#open > 0)
      await new Promise((resolve) => {
        this.#idle = resolve;
      });
  }

  /** A call beside the even ones. */
  one(changes) {
    this.#send(nowMs(), changes);
  }

  #tick() {
    for (; this.#dueMs <= nowMs(); this.#dueMs += 1_000 / this.#order.perSecond) this.#send(this.#dueMs);
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, this.#dueMs - nowMs()));
  }

  #send(dueMs, changes) {
    const order = { ...this.#order, ...changes };
    const { name, methods = [['Unary', 1]], cancel, keys, killEvery, repeats = 0 } = order;
    const number = ++this.#begun;
    const id = `${name}-${number}`;
    const metadata = new grpc.Metadata();
    metadata.set('call-id', id);
    if (keys !== undefined) metadata.set('call-key', `key-${number % keys}`);
    if (killEvery !== undefined && number % killEvery === 0) metadata.set('call-kills', '1');
    const [method, , deadlineMs = order.deadlineMs] = drawn(methods);
    const client = this.#clients[number % this.#clients.length];
    const startMs = nowMs();
    this.#open += 1;
    const call = client[method](message, metadata, { deadline: Date.now() + deadlineMs }, (error) => {
      const code = error?.code ?? 0;
      this.calls.push({
        id,
        method,
        dueMs,
        startMs,
        endMs: nowMs(),
        code,
        pod: call.getPeer(),
        details: error?.details,
      });
      this.#open -= 1;
      // As impatient callers do: at once, however loaded the service is.
      if (code !== 0 && (changes?.repeated ?? 0) < repeats)
        this.#send(nowMs(), { repeated: (changes?.repeated ?? 0) + 1 });
      if (this.#open === 0) this.#idle?.();
    });
    if (cancel !== undefined && Math.random() < cancel.share) setTimeout(() => call.cancel(), cancel.afterMs);
  }
}

/** One of `[value, share]`; the shares add up to 1. */
function drawn(choices) {
  if (choices.length === 1) return choices[0];
  let left = Math.random();
  for (const choice of choices) {
    left -= choice[1];
    if (left < 0) return choice;
  }
  return choices.at(-1);
}
