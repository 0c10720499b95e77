// What is left when much of a set is lost: other zones, further Pods of the ring, those that we thought ill of.
import { A, vary } from '../loads.mjs';
import { failed, failedAfter, failedWith, visible } from '../measures.mjs';
import { atMost, long } from '../promise.mjs';

const UNAVAILABLE = 14;
const SUBSET = vary(A, 'A', { pods: 12, perSecond: 200, podwire: { subset: { size: 3, client: 0 } } });
const ZONED = vary(A, 'A', { pods: 9, perSecond: 300, podwire: { zone: 'a' } });
const OWN_ZONE = 3;

/** Connections to Pods at once, at most. */
const connections = (client) =>
  Math.max(...client.seen.looks.map(({ pods }) => pods.reduce((sum, pod) => sum + pod.connections, 0)));

/** Calls that were open on the Pods that were killed. */
const open = (client) =>
  client.calls.filter(({ pod, startMs, endMs }) => {
    return (
      client.marks.killed.includes(pod) && startMs <= client.marks.gone + 50 && endMs >= client.marks.fault
    );
  }).length;

/** Share of the own zone's Pods in the calls from then on, in percent. */
const ownZone = (client) => {
  const zone = client.pods.slice(0, OWN_ZONE);
  const calls = client.calls.filter(
    ({ startMs }) => startMs > client.marks.fault + 3_000 && startMs < client.marks.healed,
  );
  return (100 * calls.filter(({ pod }) => zone.includes(pod)).length) / Math.max(1, calls.length);
};

/** What stands for the mesh is one more Pod, which nothing lists. */
const MESH = { host: '127.0.0.15', port: 50_055 };
const MESHED = vary(A, 'A', {
  perSecond: 200,
  podwire: { mesh: { address: `${MESH.host}:${MESH.port}` }, failover: { mesh: true } },
});
const switches = (client) => client.seen.events.filter(({ name }) => name === 'failover').length;
const kill = async (pods) => {
  for (const pod of pods) pod.signal('SIGKILL');
  await Promise.all(pods.map(({ exited }) => exited));
};

const failsOver = (of, fault, play, promises) => ({
  id: 'Z3',
  of,
  fault,
  kinds: ['podwire'],
  loads: [MESHED],
  fleet: { pods: 5 },
  async play(stage) {
    await stage.start();
    await stage.pause(1_500);
    const four = stage.pods.slice(0, MESHED.pods);
    stage.marks.killed = four.map(({ address }) => address);
    stage.mark('fault');
    await play(stage, four);
  },
  promises,
});

export const sets = [
  failsOver(
    'killed',
    'failover.mesh: all Pods are killed, and back later',
    async (stage, four) => {
      await kill(four);
      stage.mark('gone');
      await stage.pause(stage.lengthOf([4_000, 10_000]));
      await Promise.all(four.map((pod) => pod.start()));
      await stage.pause(stage.lengthOf([7_000, 15_000]));
    },
    [atMost('failed', failed, { A: open }), atMost('switches', switches, { A: 2 })],
  ),
  failsOver(
    'flapping',
    'failover.mesh: all Pods are killed and back every 2 s',
    async (stage, four) => {
      for (let i = 0; i < stage.lengthOf([2, 8]); i++) {
        await kill(four);
        await stage.pause(2_000);
        await Promise.all(four.map((pod) => pod.start()));
        await stage.pause(2_000);
      }
    },
    [atMost('switches', switches, { A: 4 })],
  ),
  {
    id: 'Z1',
    fault: 'a subset of 3 of 12, and its three are killed',
    loads: [SUBSET],
    kinds: ['podwire'],
    async play(stage) {
      await stage.start();
      await stage.pause(1_500);
      const { child } = stage.clients.get('podwire A');
      const { pods } = await child.ask('snapshot');
      stage.marks.killed = pods.map(({ id }) => id);
      const victims = stage.pods.filter(({ address }) => stage.marks.killed.includes(address));
      stage.mark('fault');
      for (const pod of victims) pod.signal('SIGKILL');
      await Promise.all(victims.map(({ exited }) => exited));
      stage.mark('gone');
      await stage.pause(3_000);
      stage.mark('healed');
      await Promise.all(victims.map((pod) => pod.start()));
      await stage.pause(stage.lengthOf([1_000, 75_000]));
    },
    promises: [
      atMost('failed > 300 ms after', failedAfter('gone', 300), { A: 0 }),
      atMost('failed', (client) => failed(client) - failedAfter('gone', 300)(client), { A: open }),
      atMost('connections', connections, { A: 6 }),
      long(atMost('Pods at the end', (client) => client.seen.last.pods.length, { A: 3 })),
    ],
  },
  {
    id: 'Z2',
    fault: '3 Pods in the own zone and 6 elsewhere: 2 of the 3 fail all',
    loads: [ZONED],
    kinds: ['podwire'],
    fleet: {
      each: Array.from({ length: 9 }, (_, i) => ({ endpoint: { zone: 'abc'[Math.floor(i / OWN_ZONE)] } })),
    },
    // Nine seconds of calls, of whose share 3 points are three standard deviations.
    faultMs: [12_000, 20_000],
    begin: ({ pods }) =>
      Promise.all(pods.slice(0, 2).map((pod) => pod.rules({ '*': { fail: UNAVAILABLE } }))),
    promises: [
      atMost('out', visible(/ejected/i), { A: 3 }, ' s'),
      atMost('failed > 3 s after', failedAfter('fault', 3_000), { A: 4 }),
      atMost('the zone keeps 47 %, off by', (client) => Math.abs(ownZone(client) - 47), { A: 3 }, ' points'),
    ],
  },
  {
    id: 'G17',
    fault: 'of 4 Pods one is killed, one fails all, and then the third does',
    loads: [A],
    async play(stage) {
      await stage.start();
      await stage.pause(1_500);
      const [first, second, third] = stage.pods;
      stage.mark('fault');
      first.signal('SIGKILL');
      await second.rules({ '*': { fail: UNAVAILABLE } });
      await stage.pause(stage.lengthOf([2_000, 5_000]));
      await third.rules({ '*': { fail: UNAVAILABLE } });
      await stage.pause(stage.lengthOf([3_000, 10_000]));
      stage.mark('healed');
    },
    promises: [atMost('no Pod, while one accepts', failedWith(/no Pod/), { A: 0 })],
  },
];
