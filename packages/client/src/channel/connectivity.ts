import { connectivityState } from '@grpc/grpc-js';
import { timers } from '@podwire/core';
import type { ClusterState } from '../cluster/cluster.ts';
import type { Env } from '../env.ts';
import type { ProcessRef } from '../process-ref.ts';

const STATES: Readonly<Record<ClusterState, connectivityState>> = {
  unknown: connectivityState.CONNECTING,
  connecting: connectivityState.CONNECTING,
  ready: connectivityState.READY,
  empty: connectivityState.TRANSIENT_FAILURE,
  failing: connectivityState.TRANSIENT_FAILURE,
};

/** gRPC's connectivity state of a channel, and the callers that wait for it to change. */
export class Connectivity {
  readonly #env: Env;
  readonly #ref: ProcessRef;
  readonly #watchers = new Set<(error?: Error) => void>();
  state: connectivityState = connectivityState.CONNECTING;

  constructor(env: Env, processRef: ProcessRef) {
    this.#env = env;
    this.#ref = processRef;
  }

  set(state: ClusterState | 'closed'): void {
    const next = state === 'closed' ? connectivityState.SHUTDOWN : STATES[state];
    if (next === this.state || this.state === connectivityState.SHUTDOWN) return;
    this.state = next;
    for (const watcher of [...this.#watchers]) watcher();
  }

  /**
   * Calls back once: when the state differs from `current`, or with an error when the deadline has passed. Throws once the
   * channel is closed, as grpc-js does: its `waitForReady` relies on that. Returns a function that ends the watch by calling back now.
   */
  watch(current: connectivityState, deadline: Date | number, callback: (error?: Error) => void): () => void {
    if (this.state === connectivityState.SHUTDOWN) throw new Error('Channel has been shut down');
    this.#ref.ref();
    const done = (error?: Error) => {
      if (!this.#watchers.delete(done)) return;
      timer?.cancel();
      this.#ref.unref();
      // Never inside the call that asked.
      timers.nextTick(() => callback(error));
    };
    this.#watchers.add(done);
    const leftMs = Number(deadline) - (this.#env.callersMs?.() ?? this.#env.clock.wallMs());
    const timer =
      leftMs === Number.POSITIVE_INFINITY
        ? undefined
        : this.#env.clock.after(leftMs, () =>
            done(new Error('Deadline passed without connectivity state change')),
          );
    if (this.state !== current) done();
    return () => done();
  }
}
