import { type Clock, type Random, systemClock, systemRandom, timers } from '@podwire/core';

/** Everything that podwire takes from the world besides sockets and files; one real one, and virtual ones in tests. */
export interface Env {
  readonly clock: Clock;
  readonly random: Random;
  /** Runs `fn` after the sockets that are readable now have been read: the event loop's check phase. */
  afterPoll(fn: () => void): void;
  /** Milliseconds since 1970 by the clock that a caller makes deadlines with: under fake timers not the real one. Default: the clock's. */
  callersMs?(): number;
}

/** The real clock, Math.random and the real event loop. */
export const systemEnv: Env = {
  clock: systemClock,
  random: systemRandom,
  afterPoll: timers.setImmediate,
  callersMs: () => Date.now(),
};
