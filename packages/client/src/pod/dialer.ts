import type { Clock } from '@podwire/core';
import type { Connection } from '@podwire/http2';
import type { ConnectGate, Waiting } from './connect-gate.ts';

/**
 * After this long without an answer from a Pod, the next Pod's turn comes. Otherwise a few dozen Pods that accept connections and say
 * nothing would keep the channel from the others.
 */
const PATIENCE_MS = 1_000;

/** Called with the outcome of an attempt. */
export type Settled = (result: 'ready' | 'failed') => void;

/** The Pod that a dialer makes connections for. */
export interface DialedPod {
  readonly wantsConnection: boolean;
  readonly failing: boolean;
  /** Begins a connection; calls back when it is ready or has failed. Undefined when it fails at once. */
  begin(settled: Settled): Connection | undefined;
}

/** Makes the connections of one Pod, one at a time, in turn with those of the channel's other Pods. */
export class Dialer implements Waiting {
  readonly #clock: Clock;
  readonly #gate: ConnectGate;
  readonly #pod: DialedPod;
  #busy = false;
  #connecting: Connection | undefined;
  /** Whether the attempt under way was given up; it ends soon. */
  #stopped = false;
  /** Whether another connection was asked for since. */
  #again = false;

  constructor(clock: Clock, gate: ConnectGate, pod: DialedPod) {
    this.#clock = clock;
    this.#gate = gate;
    this.#pod = pod;
  }

  get wanted(): boolean {
    return this.#pod.wantsConnection;
  }

  get failing(): boolean {
    return this.#pod.failing;
  }

  dial(): void {
    if (this.#busy) {
      this.#again = this.#stopped;
      return;
    }
    this.#busy = true;
    this.#gate.enter(this);
  }

  /** Gives up the attempt under way. */
  stop(): void {
    if (this.#connecting === undefined) return;
    this.#stopped = true;
    this.#again = false;
    this.#connecting.destroy('the Pod was closed');
  }

  begin(): void {
    const { failing } = this;
    let inTurn = true;
    const endTurn = () => {
      if (!inTurn) return;
      inTurn = false;
      turn.cancel();
      this.#gate.leave();
    };
    const turn = this.#clock.after(PATIENCE_MS, endTurn);
    let over = false;
    const settled: Settled = (result) => {
      if (over) return;
      over = true;
      if (result === 'ready') this.#gate.refund(failing);
      this.#end();
      endTurn();
    };
    const connection = this.wanted ? this.#pod.begin(settled) : undefined;
    if (connection === undefined) settled('failed');
    else if (!over) this.#connecting = connection;
  }

  #end(): void {
    const again = this.#again;
    this.#busy = false;
    this.#connecting = undefined;
    this.#stopped = false;
    this.#again = false;
    if (again) this.dial();
  }
}
