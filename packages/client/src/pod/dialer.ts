import type { Connection } from '@podwire/http2';
import type { Clock } from '@podwire/registry';
import type { LimitFunction } from 'p-limit';

/**
 * A Pod that has not answered for so long keeps nobody busy: the next one's turn comes. Otherwise a few dozen Pods that
 * accept and say nothing would keep the channel from those that answer.
 */
const PATIENCE_MS = 1_000;

/** Makes the connections of one Pod, one at a time, in turn with those of the channel's other Pods. */
export class Dialer {
  readonly #clock: Clock;
  readonly #governor: LimitFunction;
  readonly #start: (settled: () => void) => Connection | undefined;
  #busy = false;
  #connecting: Connection | undefined;

  /** `start` begins a connection, unless none is wanted any more, and calls back when it is ready or will never be. */
  constructor(clock: Clock, governor: LimitFunction, start: (settled: () => void) => Connection | undefined) {
    this.#clock = clock;
    this.#governor = governor;
    this.#start = start;
  }

  dial(): void {
    if (this.#busy) return;
    this.#busy = true;
    void this.#governor(() => new Promise<void>((done) => this.#begin(done)));
  }

  /** Gives up what has begun. */
  stop(): void {
    this.#connecting?.destroy('the Pod was closed');
  }

  #begin(next: () => void): void {
    const turn = this.#clock.after(PATIENCE_MS, next);
    const settled = () => {
      this.#busy = false;
      this.#connecting = undefined;
      turn.cancel();
      next();
    };
    this.#connecting = this.#start(settled);
    if (this.#connecting === undefined) settled();
  }
}
