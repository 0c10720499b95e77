// DNS that misbehaves, and streams that are read or taken slowly.
import { DnsServer } from '../dns-server.mjs';
import { A, vary } from '../loads.mjs';
import { failed, p99 } from '../measures.mjs';
import { atMost, long } from '../promise.mjs';

/** Reads of files in the fault, as a multiple of what they were before, at the 99th percentile. */
const readRatio = ({ reads, marks }) => {
  const p99 = (from, until) => {
    const took = reads
      .filter(([atMs]) => atMs > marks[from] && atMs < marks[until])
      .map(([, ms]) => ms)
      .sort((a, b) => a - b);
    return took[Math.floor(took.length * 0.99)];
  };
  return p99('fault', 'healed') / p99('started', 'fault');
};

/** Megabytes of resident memory, more than at the fault. */
const grown = ({ memory, marks }) => {
  const before = memory.findLast(([atMs]) => atMs <= marks.fault)[1];
  return Math.max(
    ...memory.filter(([atMs]) => atMs > marks.fault && atMs < marks.healed).map(([, mb]) => mb - before),
  );
};

/** How long after its deadline a stream ended, in seconds. */
const overdue = ({ streams, marks }) => {
  return Math.max(...streams.map(({ dueMs, endMs }) => ((endMs ?? marks.stopped) - dueMs) / 1_000));
};
/** The same, as the Pod saw it: what was received before is read to the end. */
const overdueAtPod = ({ log, streams, marks }) => {
  const ended = log.find(({ what }) => what === 'stream broken')?.atMs ?? marks.stopped;
  return (ended - streams[0].dueMs) / 1_000;
};
const STREAM_MS = 3_000;
const ONE = vary(A, 'A', { pods: 1, perSecond: 100, deadlineMs: 5_000 });

export const io = [
  {
    id: 'O5',
    fault: 'DNS is silent, 1 s late, SERVFAIL, empty, flapping',
    fleet: { onePort: true },
    loads: [
      vary(A, 'A', { perSecond: 100, readsFiles: true, target: 'dns://127.0.0.1:53/fleet.test:50051' }),
    ],
    async setUp(stage) {
      stage.dns = new DnsServer(
        'fleet.test',
        stage.pods.map(({ host }) => host),
      );
      stage.onClose(() => stage.dns.close());
      await stage.dns.listen();
    },
    async play(stage) {
      await stage.start();
      await stage.pause(2_000);
      stage.mark('fault');
      for (const mood of ['silent', 'late', 'SERVFAIL', 'empty']) {
        stage.dns.mood = mood;
        await stage.pause(stage.lengthOf([3_000, 12_000]));
      }
      for (let i = 0; i < stage.lengthOf([30, 120]); i++) {
        stage.dns.mood = i % 2 === 0 ? 'answers' : 'empty';
        await stage.pause(100);
      }
      stage.mark('healed');
    },
    promises: [
      atMost('failed', failed, { A: 0 }),
      long(atMost('fs.readFile, p99 of before', readRatio, { A: 2 }, ' ×')),
    ],
  },
  {
    id: 'O6',
    of: 'download',
    fault: 'a stream of 10 000 × 64 KiB is read every 100 ms',
    apart: true,
    loads: [ONE],
    faultMs: [4_000, 15_000],
    begin: (stage) =>
      stage.askAll('stream', {
        method: 'Download',
        readMs: 100,
        deadlineMs: stage.lengthOf([3_000, 14_000]),
      }),
    promises: [
      atMost('memory grows', grown, { A: 32 }, ' MB'),
      atMost('other calls failed', failed, { A: 0 }),
      long(
        atMost(
          'other calls, p99 of before',
          (client) => p99('fault', 'healed')(client) / p99('started', 'fault')(client),
          { A: 2 },
          ' ×',
        ),
      ),
      atMost('ends after its deadline', overdueAtPod, { A: 0.15 }, ' s'),
    ],
  },
  {
    id: 'O6',
    of: 'upload',
    fault: 'the Pod is stopped amid an upload of 100 MB',
    apart: true,
    loads: [ONE],
    async play(stage) {
      await stage.start();
      await stage.pause(1_500);
      stage.mark('fault');
      await stage.askAll('stream', { method: 'Upload', megabytes: 100, deadlineMs: STREAM_MS });
      await stage.pause(20);
      stage.bad.signal('SIGSTOP');
      await stage.pause(STREAM_MS + 500);
      stage.mark('healed');
      stage.bad.signal('SIGCONT');
      await stage.pause(500);
    },
    promises: [
      atMost('memory grows', grown, { A: 32 }, ' MB'),
      atMost('ends after its deadline', overdue, { A: 0.15 }, ' s'),
    ],
  },
];
