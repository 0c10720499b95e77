// Rolling updates: each Pod is replaced by a new one.
import { A, vary } from '../loads.mjs';
import { failed, p99 } from '../measures.mjs';
import { atMost, long } from '../promise.mjs';
import { nowMs } from '../time.mjs';

const BUSY = vary(A, 'A', { perSecond: [400, 1_000] });

/** The same, with streams of health and load open to every Pod. */
const WATCHING = vary(BUSY, 'A', {
  podwire: {
    health: { serviceName: 'fleet' },
    policy: { weighted_round_robin: { enableOobLoadReport: true } },
  },
});

/** `leave(stage, pod, unlist)` ends an old Pod. */
const roll = (of, leave, { load = BUSY, ...fleet } = {}) => ({
  id: 'G1',
  of,
  fault: `a rolling update: ${of}`,
  fleet,
  loads: [load],
  async play(stage) {
    await stage.start();
    await stage.pause(1_500);
    stage.mark('fault');
    stage.marks.listed = {};
    const current = [...stage.pods];
    for (let i = 0; i < BUSY.pods; i++) {
      const [made] = await stage.fleet.start(1);
      current.push(made);
      stage.marks.listed[made.address] = nowMs();
      stage.list(current);
      await stage.pause(stage.lengthOf([700, 2_500]));
      await leave(stage, current[0], () => {
        current.shift();
        stage.list(current);
      });
      await stage.pause(stage.lengthOf([200, 2_500]));
    }
  },
  promises: [
    atMost('failed', failed, { A: 0 }),
    // Reading the document, connecting and the first pick wait for the processor, which a busy machine has not.
    atMost('a new Pod is called', called, { A: 1 }, ' s'),
    long(atMost('a new Pod is called', called, { A: 0.5 }, ' s')),
    long(
      atMost(
        'p99 of before',
        (client) => p99('fault', 'stopped')(client) / p99('started', 'fault')(client),
        { A: 2 },
        ' ×',
      ),
    ),
  ],
});

/** The longest time from a Pod's listing to the begin of the first call that it answered, in seconds. */
function called(client) {
  const times = Object.entries(client.marks.listed).map(([address, listedMs]) => {
    const first = client.calls.find(
      ({ pod, code, startMs }) => pod === address && code === 0 && startMs >= listedMs,
    );
    return first === undefined ? Number.POSITIVE_INFINITY : (first.startMs - listedMs) / 1_000;
  });
  return Math.max(...times);
}

async function unlistFirst(stage, pod, unlist) {
  unlist();
  await stage.pause(300);
  pod.signal('SIGTERM');
  await pod.exited;
}

export const rolls = [
  roll('registry first', unlistFirst),
  roll('Watch and OOB open', unlistFirst, {
    load: WATCHING,
    health: true,
    rules: { '*': { load: { utilization: 0.5, qps: 100 } } },
  }),
  roll('SIGTERM first, registry 1 s later', async (stage, pod, unlist) => {
    pod.signal('SIGTERM');
    await stage.pause(1_000);
    unlist();
  }),
  roll(
    'Pods ignore SIGTERM',
    async (stage, pod, unlist) => {
      unlist();
      pod.signal('SIGTERM');
      await stage.pause(1_000);
      pod.signal('SIGKILL');
    },
    { ignoreTerm: true },
  ),
];
