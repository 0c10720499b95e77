import { type Random, systemRandom } from '@podwire/core';
import { type ConnectionEnv, systemConnectionEnv } from '@podwire/http2';

/** Everything that podwire takes from the world besides files; one real one, and virtual ones in tests. */
export interface Env extends ConnectionEnv {
  readonly random: Random;
  /** Milliseconds since 1970 by the clock that a caller makes deadlines with: under fake timers not the real one. Default: the clock's. */
  callersMs?(): number;
}

/** The real clock, Math.random and the real event loop. */
export const systemEnv: Env = {
  ...systemConnectionEnv,
  random: systemRandom,
  callersMs: () => Date.now(),
};
