// Limits and polices of peers.
import { setTimeout as pause } from 'node:timers/promises';
import { A, S, vary } from '../loads.mjs';
import { attemptsPerCall, cpuRatio, failed, failedAfter } from '../measures.mjs';
import { atMost } from '../promise.mjs';

/** Events of podwire that say that a peer found its PINGs too many. */
const tooMany = (client) =>
  client.seen?.events.filter(({ value }) => /too_many_pings|ENHANCE_YOUR_CALM/.test(JSON.stringify(value)))
    .length;

/** PINGs that Pods got after the first moment (one comes with the handshake), for each 30 s and Pod. */
const pings = (client) => {
  const { started, stopped } = client.marks;
  const got = client.log.filter(({ what, atMs }) => what === 'ping' && atMs > started);
  return got.length / client.pods.length / Math.max(1, (stopped - started) / 30_000);
};

const idle = (name, perSecond, changes) => ({ ...S, name, perSecond, ...changes });
const WATCHING = { podwire: { health: { serviceName: 'fleet' } } };
const HANG = { Slow: { hang: true } };

export const peers = [
  {
    id: 'P1',
    of: 'limit of 10',
    fault: 'one of two Pods takes 10 calls at once; 100 calls of 500 ms at once',
    loads: [vary(A, 'A', { pods: 2, perSecond: 1, deadlineMs: 700 })],
    fleet: {
      program: 'node',
      rules: { '*': { delayMs: 500 } },
      each: [{ settings: { maxConcurrentStreams: 10 } }, {}],
    },
    apart: true,
    async play(stage) {
      await stage.start();
      await stage.pause(1_000);
      stage.mark('fault');
      await stage.askAll('burst', { calls: 100 });
      await stage.pause(1_200);
    },
    promises: [atMost('failed', failed, { A: 0 })],
  },
  {
    id: 'P1',
    of: 'limit that changes',
    fault: 'the limit of streams of a Pod goes from 100 to 5, to 0 for 3 s, and to 100',
    loads: [vary(A, 'A', { perSecond: 200 })],
    fleet: { program: 'node', settings: { maxConcurrentStreams: 100 } },
    async play(stage) {
      await stage.start();
      await stage.pause(1_000);
      stage.mark('fault');
      for (const [limit, ms] of [
        [5, 1_000],
        [0, 3_000],
        [100, 1_500],
      ]) {
        await stage.bad.ask('settings', { maxConcurrentStreams: limit });
        await stage.pause(ms);
      }
    },
    promises: [atMost('failed', failed, { A: 0 })],
  },
  {
    id: 'P2',
    fault: 'connections end at an age of 300 ms',
    loads: [vary(A, 'A', { pods: 3 })],
    fleet: { maxAgeMs: 300 },
    faultMs: [5_000, 8_000],
    beforeMs: 500,
    begin: () => {},
    promises: [atMost('failed', failed, { A: 0 })],
  },
  {
    id: 'P3',
    fault: 'every Pod refuses every stream',
    loads: [vary(A, 'A', { perSecond: 200 })],
    fleet: { program: 'node' },
    beforeMs: 3_000,
    faultMs: [4_000, 10_000],
    begin: ({ pods }) => Promise.all(pods.map((pod) => pod.rules({ '*': { refuse: true } }))),
    end: ({ pods }) => Promise.all(pods.map((pod) => pod.rules({}))),
    promises: [
      atMost('attempts a call', attemptsPerCall('fault', 'healed'), { A: 2.3 }),
      atMost('CPU of a healthy run', cpuRatio('fault', 'healed', 'started', 'fault'), { A: 1.5 }, ' ×'),
    ],
  },
  {
    id: 'P4',
    fault: 'the only Pod, of Node, is stopped 3 s with 2 500 calls open',
    loads: [vary(A, 'A', { pods: 1, perSecond: 100 })],
    fleet: { program: 'node' },
    apart: true,
    async play(stage) {
      await stage.start();
      await stage.pause(1_000);
      stage.mark('fault');
      stage.bad.signal('SIGSTOP');
      await stage.askAll('burst', { calls: 2_500 });
      await pause(3_000);
      stage.bad.signal('SIGCONT');
      stage.mark('healed');
      await stage.pause(2_500);
    },
    promises: [atMost('failed, begun ≥ 500 ms after', failedAfter('healed', 500), { A: 0 })],
  },
  {
    id: 'P5',
    of: 'police',
    fault: 'the police of PINGs of grpc-go, while Pods fall silent',
    loads: [
      idle('busy', 50),
      idle('idle', 0.001),
      idle('a call a minute', 1 / 60),
      idle('watching', 1 / 60, WATCHING),
      idle('calls that hang', 1, { methods: [['Slow', 1, 3_000]] }),
    ],
    fleet: { rules: HANG, health: true },
    kinds: ['podwire'],
    async play(stage) {
      await stage.start();
      for (let i = 0; i < stage.lengthOf([6, 70]); i++) {
        await stage.pause(9_000);
        stage.bad.signal('SIGSTOP');
        await stage.pause(1_000);
        stage.bad.signal('SIGCONT');
      }
    },
    promises: [
      atMost('too_many_pings', tooMany, {
        busy: 0,
        idle: 0,
        'a call a minute': 0,
        watching: 0,
        'calls that hang': 0,
      }),
    ],
  },
  {
    id: 'P5',
    of: 'count',
    fault: 'none: PINGs of a healthy fleet',
    loads: [idle('busy', 50), idle('idle', 0.001), idle('a call a minute', 1 / 60)],
    fleet: { program: 'node' },
    kinds: ['podwire'],
    beforeMs: 0,
    faultMs: [60_000, 600_000],
    begin: () => {},
    promises: [atMost('PINGs in 30 s of three channels', pings, { busy: 3 })],
  },
];
