import { type Clock, type Random, systemClock } from '@podwire/registry';

/** Everything that podwire takes from the world besides sockets and files; one real one, and virtual ones in tests. */
export interface Env {
  readonly clock: Clock;
  readonly random: Random;
  /** Runs `fn` after the sockets that are readable now have been read: the event loop's check phase. */
  afterPoll(fn: () => void): void;
}

/** The real clock, Math.random and the real event loop. */
export const systemEnv: Env = {
  clock: systemClock,
  random: Math.random,
  afterPoll: (fn) => {
    setImmediate(fn);
  },
};
