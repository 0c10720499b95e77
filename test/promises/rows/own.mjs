// What is wrong with our own process, and must not be held against Pods.
import { run } from '../../servers/build.mjs';
import { A, vary } from '../loads.mjs';
import {
  backAfter,
  disconnects,
  failedAfter,
  failedWith,
  latencyMoved,
  told,
  visible,
} from '../measures.mjs';
import { atMost } from '../promise.mjs';

const LIGHT = vary(A, 'A', { perSecond: 50 });
const DESCRIPTORS = 64;
const HOUR_MS = 3_600_000;
const shifted = new URL('../clients/shifted-clock.mjs', import.meta.url).href;

const harmless = (load) => [
  atMost('good replies lost', failedAfter('fault'), { [load.name]: 0 }),
  atMost('ejections and suspicions', told('ejected', 'suspect'), { [load.name]: 0 }),
  atMost('connections closed', disconnects(), { [load.name]: 0 }),
  atMost('latency averages move', latencyMoved, { [load.name]: 20 }, ' %'),
];

/** Plays `stall` some times, with pauses; the last look comes after. */
const stalled = (of, fault, stall, { load = LIGHT, times = [4, 10], fleet } = {}) => ({
  id: of.startsWith('blocked') ? 'O1' : 'O2',
  of,
  fault,
  fleet,
  loads: [load],
  async play(stage) {
    await stage.start();
    await stage.pause(2_000);
    stage.mark('fault');
    for (let i = 0; i < stage.lengthOf(times); i++) await stall(stage);
    stage.mark('healed');
    await stage.pause(1_500);
  },
  promises: harmless(load),
});

const signalAll = (stage, signal) => {
  for (const { child } of stage.clients.values()) child.signal(signal);
};

/** Stops our processes for so long, and lets them go on. */
const freeze = (stopMs, goMs) => async (stage) => {
  signalAll(stage, 'SIGSTOP');
  await stage.pause(stopMs);
  signalAll(stage, 'SIGCONT');
  await stage.pause(goMs);
};

const HANGING_MS = 1_000;
const ofMethod =
  (name) =>
  ({ calls }) =>
    calls.filter(({ method }) => method === name);

export const own = [
  stalled(
    'blocked for 500 ms',
    'our loop is blocked 500 ms in I/O, 60 calls open',
    async (stage) => {
      await stage.askAll('block', { calls: 60, deadlineMs: 300, ms: 500 });
      await stage.pause(700);
    },
    { load: vary(A, 'A', { perSecond: 20, deadlineMs: 300 }), fleet: { rules: { '*': { delayMs: 20 } } } },
  ),
  stalled('80 of every 100 ms', 'our process is stopped 80 of every 100 ms', freeze(80, 20), {
    times: [40, 100],
  }),
  stalled(
    'frozen',
    'our process is frozen for 3 s (long: 5 s)',
    (stage) => freeze(stage.lengthOf([3_000, 5_000]), 500)(stage),
    {
      times: 1,
    },
  ),
  stalled(
    'collections',
    'the heap is nearly full: collections of 200 ms',
    async (stage) => {
      await stage.askAll('collect');
      await stage.pause(400);
    },
    {
      load: vary(A, 'A', {
        perSecond: 50,
        execArgv: ['--expose-gc', '--max-old-space-size=512'],
        fillMegabytes: 200,
      }),
    },
  ),
  {
    id: 'O3',
    fault: 'the wall clock is set by ±5 h',
    fleet: { rules: { Slow: { delayMs: 2_000 }, Wrong: { hang: true } } },
    loads: [
      vary(A, 'A', {
        perSecond: 50,
        execArgv: ['--import', shifted],
        methods: [
          ['Unary', 0.8],
          ['Slow', 0.1, 3_000],
          ['Wrong', 0.1, HANGING_MS],
        ],
      }),
    ],
    async play(stage) {
      await stage.start();
      await stage.pause(1_500);
      stage.mark('fault');
      for (const hours of [5, -5, 0]) {
        await stage.askAll('clock', hours * HOUR_MS);
        await stage.pause(stage.lengthOf([2_500, 10_000]));
      }
    },
    promises: [
      atMost(
        'failed',
        (client) =>
          [...ofMethod('Unary')(client), ...ofMethod('Slow')(client)].filter(({ code }) => code !== 0).length,
        { A: 0 },
      ),
      atMost(
        'deadlines early or late by',
        (client) =>
          Math.max(
            ...ofMethod('Wrong')(client).map(({ startMs, endMs }) => Math.abs(endMs - startMs - HANGING_MS)),
          ),
        { A: 250 },
        ' ms',
      ),
      atMost('ejections and suspicions', told('ejected', 'suspect'), { A: 0 }),
      atMost('connections closed', disconnects(), { A: 0 }),
    ],
  },
  {
    id: 'O4',
    fault: 'no descriptor is left while a Pod restarts',
    loads: [LIGHT],
    faultMs: [5_000, 20_000],
    afterMs: 3_000,
    async begin(stage) {
      for (const { child } of stage.clients.values())
        run('prlimit', ['--pid', String(child.pid), `--nofile=${DESCRIPTORS}:`]);
      await stage.askAll('hoard', true);
      stage.bad.signal('SIGKILL');
      await stage.bad.exited;
      await stage.pause(300);
      await stage.bad.start();
    },
    end: (stage) => stage.askAll('hoard', false),
    promises: [
      // Those that were open at its death.
      atMost(
        'failed on the others',
        failedWith(/^(?!.*(?:ECONNRESET|closed the connection|Connection dropped))/),
        { A: 0 },
      ),
      atMost('visible', visible(/EMFILE/), { A: 1.5 }, ' s'),
      atMost('connected', backAfter(), { A: 2 }, ' s'),
    ],
  },
];
