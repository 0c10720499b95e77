// The loads that rows are played under. Each is a process of podwire and one of grpc-js, with calls at an even rate, whatever
// becomes of those before.

/** A service under load: 4 Pods, a handler of 5 ms, all defaults. */
export const A = { name: 'A', pods: 4, perSecond: 400, deadlineMs: 1_000 };

/** The same with `round_robin`, which does not look at what is open; grpc-js always has it, so that A's is the one to compare. */
export const RR = { ...A, name: 'RR', podwire: { policy: 'round_robin' }, peer: 'A' };

/** A small service, where calls seldom overlap and statistics are slow. */
export const S = { name: 'S', pods: 3, perSecond: 10, deadlineMs: 500 };

/** The load with other settings, under a name of its own. */
export const vary = (load, name, changes) => ({ ...load, name, peer: undefined, ...changes });

/** A retry policy as careful users write it. */
export const retrying = (codes, maxAttempts = 3) => ({
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts,
        initialBackoff: '0.01s',
        maxBackoff: '0.1s',
        backoffMultiplier: 2,
        retryableStatusCodes: codes,
      },
    },
  ],
});
