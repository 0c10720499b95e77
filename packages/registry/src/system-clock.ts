import type { Clock, Random } from './clock.ts';

/** The longest delay that Node's timers take; a longer one would fire at once. */
const MAX_TIMER_MS = 0x7fffffff;

/** The real clock; its timers do not keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, fn) {
    const timer = setTimeout(fn, Math.min(Math.max(delayMs, 0), MAX_TIMER_MS));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

export const systemRandom: Random = Math.random;
