// Pods that answer, and fail calls.
import { A, RR, retrying, S, vary } from '../loads.mjs';
import { failed, goodAfter, ofKillers, otherFailed, told, visible } from '../measures.mjs';
import { atLeast, atMost, long } from '../promise.mjs';

const NOT_FOUND = 5;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const HTTP2_INTERNAL_ERROR = 2;
const RETRYING = vary(A, 'A with retryPolicy', { perSecond: 200, serviceConfig: retrying(['UNAVAILABLE']) });

/** Failures that end a run, those that were open on the Pod then, and one for each probation. */
const allowed = (run) => (client) => {
  const [bad] = client.pods;
  const fails = client.calls
    .filter(({ pod, code }) => pod === bad && code !== 0)
    .sort((a, b) => a.endMs - b.endMs);
  const decided = fails[run - 1]?.endMs ?? 0;
  const open = fails.filter(({ startMs, endMs }) => startMs <= decided && endMs > decided).length;
  const ejections = client.seen.events.filter(({ name, value }) => name === 'ejected' && value.id === bad);
  return run + open + Math.max(0, ejections.length - 1);
};

const HALF_WRONG = [
  ['Unary', 0.5],
  ['Wrong', 0.5],
];

const failsAll = (of, rule, { loads = [A, RR, S], ...fleet } = {}) => ({
  id: 'E1',
  of,
  fault: `one Pod fails all: ${of}`,
  fleet,
  loads,
  faultMs: [5_000, 60_000],
  afterMs: 500,
  begin: ({ bad }) => bad.rules({ '*': rule }),
  end: ({ bad }) => bad.rules({}),
  promises: [
    atMost('failed', failed, { A: allowed(5), RR: allowed(5), S: allowed(5) }),
    atMost('out', visible(/ejected.*consecutive_failures/i), { A: 1, RR: 1, S: 3 }, ' s'),
  ],
});

const failsSome = (of, share, faultMs, limits) => ({
  id: 'E2',
  of,
  fault: `one Pod fails ${of}`,
  loads: [A, S],
  faultMs,
  afterMs: 100,
  begin: ({ bad }) => bad.rules({ '*': { fail: UNAVAILABLE, share } }),
  promises: limits.map((one) => one(visible(/ejected/i))),
});

/** What is wrong with the calls or with all Pods alike: no Pod is ejected for it. */
const nobody = (id, of, changes) => ({
  id,
  of,
  loads: [A],
  faultMs: [4_000, 60_000],
  afterMs: 500,
  begin: () => {},
  promises: [atMost('ejections', told('ejected'), { A: 0 })],
  ...changes,
});

const all =
  (rule) =>
  async ({ pods }) => {
    await Promise.all(pods.map((pod) => pod.rules(rule)));
  };

/** Starts Pods again a second after calls killed them. */
async function restartKilled(stage) {
  await stage.start();
  let over = false;
  stage.onClose(() => {
    over = true;
  });
  for (const pod of stage.pods) {
    (async () => {
      while (!over) {
        await pod.exited;
        await stage.pause(1_000);
        if (!over) await pod.start().catch(() => {});
      }
    })();
  }
  stage.mark('fault');
  await stage.pause(stage.lengthOf([6_000, 30_000]));
}

export const failing = [
  failsAll('UNAVAILABLE', { fail: UNAVAILABLE }),
  failsAll('INTERNAL', { fail: INTERNAL }),
  failsAll(
    'RST_STREAM',
    { reset: HTTP2_INTERNAL_ERROR },
    {
      program: 'node',
      // Pods of Node cost more than those of grpc-go.
      loads: [vary(A, 'A', { perSecond: 150 }), S],
    },
  ),
  {
    id: 'E1',
    of: 'with a retryPolicy',
    fault: 'one Pod fails all, with a retryPolicy for it',
    loads: [RETRYING],
    faultMs: [4_000, 60_000],
    afterMs: 500,
    begin: ({ bad }) => bad.rules({ '*': { fail: UNAVAILABLE } }),
    promises: [atMost('failed', failed, { [RETRYING.name]: 0 })],
  },
  failsSome('50 %', 0.5, [15_000, 20_000], [(out) => atMost('out', out, { A: 5, S: 15 }, ' s')]),
  failsSome(
    '20 %',
    0.2,
    [15_500, 61_000],
    [(out) => atMost('out', out, { A: 15 }, ' s'), (out) => long(atMost('out', out, { S: 60 }, ' s'))],
  ),
  nobody('E3', undefined, {
    fault: 'every Pod fails 5 %',
    begin: all({ '*': { fail: UNAVAILABLE, share: 0.05 } }),
  }),
  nobody('E4', undefined, {
    fault: 'every Pod fails all, then none',
    faultMs: [4_000, 30_000],
    afterMs: 4_000,
    begin: all({ '*': { fail: UNAVAILABLE } }),
    end: all({}),
    promises: [
      atMost('ejections', told('ejected'), { A: 0 }),
      atLeast('good > 1 s after', goodAfter('healed', 1_000), { A: 99 }, ' %'),
    ],
  }),
  nobody('E5', 'one method fails everywhere', {
    fault: 'one method fails on every Pod',
    // Callers begin to use it: Pods that were told one after the other would not begin to fail alike.
    fleet: { rules: { Wrong: { fail: UNAVAILABLE } } },
    begin: (stage) => stage.askAll('set', { methods: HALF_WRONG }),
  }),
  nobody('E5', 'NOT_FOUND', {
    fault: 'one Pod says NOT_FOUND to all',
    begin: ({ bad }) => bad.rules({ '*': { fail: NOT_FOUND } }),
  }),
  nobody('E5', 'deadlines of 1 ms', {
    fault: 'half the calls have deadlines of 1 ms',
    loads: [
      vary(A, 'A', {
        methods: [
          ['Unary', 0.5],
          ['Unary', 0.5, 1],
        ],
      }),
    ],
  }),
  nobody('E5', 'half the calls cancelled', {
    fault: 'half the calls are cancelled after 2 ms',
    loads: [vary(A, 'A', { cancel: { share: 0.5, afterMs: 2 } })],
  }),
  {
    id: 'E7',
    fault: 'a call in 2 000 kills the process that takes it; maxAttempts 5',
    apart: true,
    loads: [vary(A, 'A', { killEvery: 800, serviceConfig: retrying(['UNAVAILABLE'], 5) })],
    play: restartKilled,
    promises: [
      atMost('Pods lost per such call', ofKillers, { A: 2 }),
      atMost('others failed', otherFailed, { A: 0 }),
    ],
  },
];
