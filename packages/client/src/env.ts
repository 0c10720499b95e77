import { type Random, systemRandom } from '@podwire/core';
import { type ConnectionEnv, systemConnectionEnv } from '@podwire/http2';

/** Everything that podwire takes from the world besides files. There is a real one, and tests have virtual ones. */
export interface Env extends ConnectionEnv {
  readonly random: Random;
  /** Milliseconds since 1970 by the clock by which callers make deadlines; under fake timers that is not the real one. Default: `clock`'s. */
  callersMs?(): number;
}

/** The real clock, Math.random and the real event loop. */
export const systemEnv: Env = {
  ...systemConnectionEnv,
  random: systemRandom,
  callersMs: () => Date.now(),
};
