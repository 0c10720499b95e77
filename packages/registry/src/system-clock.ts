import type { Clock, Random } from './clock.ts';

/** The longest delay that Node's timers take; a longer one would fire at once. */
const MAX_TIMER_MS = 0x7fffffff;

/** The real clock; its timers do not keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, fn) {
    const dueMs = performance.now() + delayMs;
    let timer: NodeJS.Timeout;
    const arm = (leftMs: number) => {
      timer = setTimeout(fire, Math.min(Math.max(Math.ceil(leftMs), 0), MAX_TIMER_MS));
      timer.unref();
    };
    // Node counts whole milliseconds, and fires up to one of them too soon.
    const fire = () => {
      const leftMs = dueMs - performance.now();
      if (leftMs > 0) arm(leftMs);
      else fn();
    };
    arm(delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

export const systemRandom: Random = Math.random;
