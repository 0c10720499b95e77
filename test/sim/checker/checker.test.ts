import { describe, expect, test } from 'vitest';
import type { Entry } from '../history.ts';
import { check, INVARIANTS } from './checker.ts';

const CLIENT = {
  client: 'c',
  policy: 'round_robin',
  retries: 'none',
  maxAttempts: 1,
  waitTimeoutMs: 10_000,
  maxWaiting: 100,
  maxConnectionsPerPod: 2,
  drainMs: 30_000,
} as const;

type Told = Record<string, unknown> & { readonly is: Entry['is'] };

/** Entries that are a millisecond apart, behind a client with two Pods that are ready. */
function history(...told: readonly Told[]): Entry[] {
  const pods = ['a', 'b'].flatMap((pod) => [
    { is: 'able', pod, able: true },
    { is: 'pod', client: 'c', pod, state: 'ready' },
  ]);
  const all = [
    { is: 'client', ...CLIENT },
    { is: 'set', client: 'c', serving: ['a', 'b'], draining: [] },
    ...pods,
    ...told,
  ];
  return all.map((entry, i) => ({ atMs: i, ...entry }) as unknown as Entry);
}

const call = (number: number, more: object = {}): Told => ({
  is: 'call',
  client: 'c',
  call: number,
  method: 'Get',
  ...more,
});
const attempt = (number: number, pod = 'a', more: object = {}): Told => ({
  is: 'attempt',
  client: 'c',
  call: number,
  pod,
  ...more,
});
const serve = (number: number, pod = 'a', more: object = {}): Told => ({
  is: 'serve',
  call: number,
  pod,
  process: 1,
  ...more,
});
const attemptEnd = (number: number, pod = 'a', code = 0): Told => ({
  is: 'attemptEnd',
  client: 'c',
  call: number,
  pod,
  code,
});
const end = (number: number, more: object = {}): Told => ({
  is: 'end',
  client: 'c',
  call: number,
  code: 0,
  ...more,
});
const served = (number: number, pod = 'a'): Told[] => [
  call(number),
  attempt(number, pod),
  serve(number, pod),
  attemptEnd(number, pod),
  end(number),
];
const over = (more: object = {}): Told => ({ is: 'over', timers: 0, sockets: 0, calls: 0, ...more });
const counts = (told: object, truth: object): Told => {
  const whole = { open: 0, waiting: 0, pods: {} };
  return { is: 'counts', client: 'c', told: { ...whole, ...told }, true: { ...whole, ...truth } };
};
const ejected = (pod: string, more: object = {}): Told => ({
  is: 'ejected',
  client: 'c',
  pod,
  reason: 'consecutive_failures',
  untilMs: 5_000,
  ...more,
});

/** Histories that break one invariant, and ones that are close and break none. */
const CASES: Readonly<
  Record<string, { readonly broken: Record<string, Told[]>; readonly right: Record<string, Told[]> }>
> = {
  H1: {
    broken: {
      'a call ends twice': [...served(1), end(1)],
      'a call never ends': [call(1)],
      'a call ends late': [call(1, { deadlineMs: 20 }), end(1, { atMs: 100 })],
    },
    right: {
      'a call ends late because the process stood still': [
        call(1, { deadlineMs: 20 }),
        { is: 'stall', forMs: 90 },
        end(1, { atMs: 100 }),
      ],
    },
  },
  H2: {
    broken: { 'a call runs twice': [call(1), attempt(1), serve(1), serve(1, 'b'), end(1)] },
    right: {
      'the policy allows it': [
        { is: 'client', ...CLIENT, retries: 'retry', maxAttempts: 2 },
        { is: 'set', client: 'c', serving: ['a', 'b'], draining: [] },
        call(1),
        serve(1),
        serve(1, 'b'),
        end(1),
      ],
    },
  },
  H3: {
    broken: {
      'an attempt on a Pod that left': [
        { is: 'set', client: 'c', serving: ['b'], draining: [] },
        ...served(1),
      ],
    },
    right: {
      'the set is told a moment after it is in use': [
        { is: 'set', client: 'c', serving: ['b'], draining: [] },
        call(1),
        attempt(1, 'a', { atMs: 50 }),
        { is: 'set', client: 'c', serving: ['a', 'b'], draining: [], atMs: 50 },
        attemptEnd(1, 'a', 0),
        end(1, { atMs: 60 }),
      ],
    },
  },
  H4: {
    broken: {
      'an attempt on a draining Pod': [
        { is: 'set', client: 'c', serving: ['b'], draining: ['a'] },
        ...served(1),
      ],
      'an attempt on an ejected Pod': [
        ...served(1, 'b'),
        ...served(2, 'b'),
        ...served(3, 'b'),
        ejected('a'),
        ...served(4),
      ],
      'an attempt on a suspect': [{ is: 'suspect', client: 'c', pod: 'a', suspect: true }, ...served(1)],
    },
    right: {
      'the only Pod that is ready drains': [
        { is: 'set', client: 'c', serving: ['b'], draining: ['a'] },
        { is: 'pod', client: 'c', pod: 'b', state: 'backoff' },
        ...served(1),
      ],
      panic: [
        ...served(1, 'b'),
        ...served(2, 'b'),
        ...served(3, 'b'),
        ejected('a'),
        { is: 'panic', client: 'c', panic: true },
        ...served(4),
      ],
    },
  },
  H5: {
    broken: {
      'a timer is left': [over({ timers: 1 })],
      'an attempt is left': [call(1), attempt(1), end(1), over()],
    },
    right: { 'nothing is left': [...served(1), over()] },
  },
  H6: {
    broken: {
      'a Pod is not back': [
        { is: 'pod', client: 'c', pod: 'a', state: 'backoff' },
        { is: 'quiet', equal: true, atMs: 5_000 },
      ],
      'one Pod gets too much': [
        { is: 'quiet', equal: true },
        ...Array.from({ length: 100 }, (_, i) => served(i, i % 10 === 0 ? 'b' : 'a')).flat(),
      ],
    },
    right: {
      'each gets its half': [
        { is: 'quiet', equal: true },
        ...Array.from({ length: 100 }, (_, i) => served(i, i % 2 === 0 ? 'b' : 'a')).flat(),
      ],
    },
  },
  H7: {
    broken: {
      'a call waits while later ones are sent': [
        call(0),
        ...Array.from({ length: 30 }, (_, i) =>
          served(i + 1).map((one) => ({ ...one, atMs: 3_000 + i })),
        ).flat(),
        { ...end(0), atMs: 4_000 },
      ],
      'a client gets no answers when all is well': [
        { is: 'quiet', equal: false },
        ...Array.from({ length: 100 }, (_, i) => [
          call(i),
          attempt(i),
          attemptEnd(i, 'a', 14),
          end(i, { code: 14 }),
        ]).flat(),
      ],
    },
    right: { 'calls are sent in their order': [...served(0), ...served(1)] },
  },
  H8: {
    broken: {
      'more retries than the budget has': [
        {
          is: 'client',
          ...CLIENT,
          retries: 'retry',
          maxAttempts: 5,
          retryBudget: { percent: 20, minPerSecond: 0, windowMs: 10_000 },
        },
        { is: 'set', client: 'c', serving: ['a', 'b'], draining: [] },
        ...[1, 2, 3].flatMap((i) => [call(i), attempt(i), attempt(i, 'b'), attempt(i), attempt(i, 'b')]),
        ...[1, 2, 3].map((i) => end(i)),
      ],
    },
    right: { 'one retry that is free': [call(1), attempt(1), attempt(1, 'b'), end(1)] },
  },
  H9: {
    broken: {
      'an ejection without a witness': [call(1), attempt(1), attemptEnd(1, 'a', 14), end(1), ejected('a')],
      'both Pods are ejected': [
        ...[1, 2, 3].flatMap((i) => [...served(i, 'a'), ...served(i + 10, 'b')]),
        ejected('a', { reason: 'success_rate' }),
        ejected('b', { reason: 'success_rate' }),
      ],
      'a Pod that serves every call': [
        ...served(1, 'b'),
        ...served(2, 'b'),
        ...served(3, 'b'),
        ejected('a', { atMs: 200_000 }),
      ],
    },
    right: {
      'three successes elsewhere': [...served(1, 'b'), ...served(2, 'b'), ...served(3, 'b'), ejected('a')],
    },
  },
  H10: {
    broken: { 'too many PINGs': [{ is: 'police', pod: 'a', what: 'pings' }] },
    right: { GOAWAY: [{ is: 'goaway', pod: 'a' }] },
  },
  H11: {
    broken: {
      'a Pod is ready': [call(1), end(1, { code: 14, reason: 'NO_CONNECTION' })],
      'a Pod has been able for a minute': [
        { is: 'pod', client: 'c', pod: 'a', state: 'backoff' },
        { is: 'pod', client: 'c', pod: 'b', state: 'backoff' },
        { ...call(1), atMs: 60_000 },
        end(1, { code: 14, reason: 'WAIT_TIMEOUT', atMs: 60_001 }),
      ],
    },
    right: {
      'no Pod is able': [
        ...['a', 'b'].flatMap((pod) => [
          { is: 'pod', client: 'c', pod, state: 'backoff' } as const,
          { is: 'able', pod, able: false } as const,
        ]),
        { ...call(1), atMs: 60_000 },
        end(1, { code: 14, reason: 'NO_CONNECTION', atMs: 60_001 }),
      ],
    },
  },
  H12: {
    broken: {
      'too many calls wait': [counts({ waiting: 101 }, {})],
      'a connection holds too much': [{ is: 'held', pod: 'a', bytes: 10_000_000 }],
    },
    right: { 'some wait': [counts({ waiting: 100 }, {})] },
  },
  H13: {
    broken: {
      'a call too many': [counts({ open: 1 }, {})],
      'an attempt too few': [counts({ pods: { a: [0, 0, 1] } }, { pods: { a: [1, 1, 1] } })],
      'a connection that is not there': [counts({ pods: { a: [0, 0, 1] } }, { pods: { a: [0, 0, 0] } })],
    },
    right: { 'equal counts': [counts({ pods: { a: [1, 2, 1] } }, { pods: { a: [1, 2, 2] } })] },
  },
  H14: {
    broken: {
      'a Pod flaps': [{ is: 'pod', client: 'c', pod: 'a', state: 'connecting' }],
      'a Pod is connected to three times': [1, 2, 3].map(() => ({ is: 'connect', pod: 'a' })),
    },
    right: {
      'the Pod said so': [
        { is: 'goaway', pod: 'a' },
        { is: 'pod', client: 'c', pod: 'a', state: 'connecting' },
      ],
      'something is wrong': [
        { is: 'fault', kind: 'kill', pod: 'a', begins: true },
        { is: 'pod', client: 'c', pod: 'a', state: 'connecting' },
      ],
    },
  },
  H15: {
    broken: {
      'more time than there is': [
        call(1, { deadlineMs: 100 }),
        attempt(1),
        serve(1, 'a', { timeoutMs: 200 }),
        end(1),
      ],
      'a deadline that the caller did not set': [
        call(1),
        attempt(1),
        serve(1, 'a', { timeoutMs: 200 }),
        end(1),
      ],
    },
    right: {
      'the time that is left': [
        call(1, { deadlineMs: 100, atMs: 10 }),
        attempt(1, 'a', { atMs: 10 }),
        serve(1, 'a', { timeoutMs: 90 }),
        end(1),
      ],
    },
  },
};

test('every invariant has a history that breaks it, and one that does not', () => {
  expect(Object.keys(CASES)).toEqual(INVARIANTS.map(({ id }) => id));
});

describe.each(Object.entries(CASES))('%s', (id, { broken, right }) => {
  test.each(Object.entries(broken))('is broken: %s', (_name, told) => {
    expect(check(history(...told)).map(({ invariant }) => invariant)).toContain(id);
  });

  test.each(Object.entries(right))('is kept: %s', (_name, told) => {
    expect(check(history(...told)).filter(({ invariant }) => invariant === id)).toEqual([]);
  });
});
