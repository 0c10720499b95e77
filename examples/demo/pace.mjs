// How fast the clients call: no faster than this machine lets them, so that calls fail for what befalls the Pods and for nothing else.

const CALLS_PER_SECOND = 400;
const LEAST = 20;
const TRIAL_MS = 1_000;
/** Calls of one client at a time. On a machine with room they are one or two; more would only wait for the processor. */
const MAX_OPEN = 64;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Pace {
  #callsPerSecond = CALLS_PER_SECOND;
  /** Where the phases began. */
  #atFirst = CALLS_PER_SECOND;
  #consumers = [];
  #trialMs;

  constructor(trialMs = TRIAL_MS) {
    this.#trialMs = trialMs;
  }

  /** Finds a rate at which no consumer falls behind; the first trial has V8 compile. */
  async find(consumers) {
    await this.#try(consumers);
    while (fellBehind(await this.#try(consumers)) && this.#callsPerSecond > LEAST) this.#lower();
    this.#atFirst = this.#callsPerSecond;
    await this.use([]);
  }

  async #try(consumers) {
    await this.use(consumers);
    await pause(this.#trialMs);
    return Promise.all(consumers.map((consumer) => consumer.ask('take')));
  }

  #lower() {
    this.#callsPerSecond = Math.max(LEAST, Math.floor(this.#callsPerSecond / 2));
  }

  /** From now on these consumers call, and no others. */
  async use(consumers) {
    const idle = this.#consumers.filter((consumer) => !consumers.includes(consumer));
    this.#consumers = consumers;
    await Promise.all(idle.map((consumer) => consumer.ask('rate', { callsPerSecond: 0, maxOpen: 0 })));
    const callsPerSecond = this.#callsPerSecond;
    await Promise.all(
      consumers.map((consumer) => consumer.ask('rate', { callsPerSecond, maxOpen: MAX_OPEN })),
    );
  }

  /** Lowers the rate of the next phases when a consumer fell behind in the last. Whether it did. */
  async adapt(windows) {
    if (!fellBehind(windows) || this.#callsPerSecond === LEAST) return false;
    this.#lower();
    await this.use(this.#consumers);
    return true;
  }

  describe() {
    const [first, last] = [this.#atFirst, this.#callsPerSecond];
    const rate = first === last ? `${last}` : `${first} and later ${last}`;
    const why = last < CALLS_PER_SECOND ? `, not ${CALLS_PER_SECOND}: this machine is busy` : '';
    return `${rate} calls a second${why}`;
  }
}

const fellBehind = (windows) => windows.some(({ heldBack }) => heldBack > 0);
