import { type Clock, timers } from '@podwire/core';

/** Whether `work` ended in time. Rejects if `work` rejects in time; a later rejection is ignored. */
export async function within(work: Promise<unknown>, timeoutMs: number, clock: Clock): Promise<boolean> {
  let settled = false;
  // The clock's timers let the process end; a provider that leaves must live until it has left.
  const alive = timers.hold();
  try {
    return await new Promise<boolean>((resolve, reject) => {
      const timer = clock.after(timeoutMs, () => {
        settled = true;
        resolve(false);
      });
      work.then(
        () => {
          timer.cancel();
          resolve(true);
        },
        (error: unknown) => {
          timer.cancel();
          if (!settled) reject(error);
        },
      );
    });
  } finally {
    alive.close();
  }
}
