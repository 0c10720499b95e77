import type { Clock, Random } from './clock.ts';
import { timers } from './timers.ts';

/** The real clock; its timers do not keep the process alive. */
export const systemClock: Clock = timers;

/** `Math.random`. */
export const systemRandom: Random = Math.random;
