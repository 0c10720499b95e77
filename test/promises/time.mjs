// The machine's monotonic clock: one for all processes, and untouched where a test sets a process's wall clock.

/** Milliseconds. */
export const nowMs = () => Number(process.hrtime.bigint() / 1_000n) / 1_000;
