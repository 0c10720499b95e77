// Many channels, and all Pods gone at once.
import { A } from '../loads.mjs';
import { goodAgain } from '../measures.mjs';
import { atMost, long } from '../promise.mjs';

const QUIET_MS = 4_000;
const PER_PROCESS = { ...A, perSecond: 20, deadlineMs: 500, channels: 25 };
const crowd = ['1', '2', '3', '4'].map((name) => ({ ...PER_PROCESS, name }));

/** Attempts to connect, of all channels of all processes, from the fourth second on. */
const attempts = (client) =>
  client.all.flatMap(({ allSeen }) =>
    allSeen.flatMap(({ events }) =>
      events.filter(({ atMs, name, value }) => {
        const { gone, healed } = client.marks;
        return name === 'pod' && value.state === 'connecting' && atMs > gone + QUIET_MS && atMs < healed;
      }),
    ),
  );

const connectRate = (client) => {
  if (client.seen === undefined) return undefined;
  const seconds = (client.marks.healed - client.marks.gone - QUIET_MS) / 1_000;
  return attempts(client).length / seconds / (client.all.length * PER_PROCESS.channels * PER_PROCESS.pods);
};

/** The fullest 100 ms of the last 10 s, as a multiple of the mean. */
const fullest = (client) => {
  if (client.seen === undefined) return undefined;
  const spells = new Map();
  const late = attempts(client).filter(({ atMs }) => atMs > client.marks.healed - 10_000);
  for (const { atMs } of late) {
    const spell = Math.floor(atMs / 100);
    spells.set(spell, (spells.get(spell) ?? 0) + 1);
  }
  return Math.max(...spells.values()) / (late.length / 100);
};

export const crowds = [
  {
    id: 'G13',
    fault: 'all Pods are killed, and all come back; 100 channels in 4 processes',
    loads: crowd,
    async play(stage) {
      await stage.start();
      await stage.pause(1_500);
      stage.mark('fault');
      for (const pod of stage.pods) pod.signal('SIGKILL');
      await Promise.all(stage.pods.map(({ exited }) => exited));
      stage.mark('gone');
      await stage.pause(stage.lengthOf([10_000, 30_000]));
      await Promise.all(stage.pods.map((pod) => pod.start()));
      stage.mark('healed');
      await stage.pause(3_000);
    },
    promises: [
      atMost('connects a second, channel and Pod', connectRate, { 1: 2 }),
      long(atMost('fullest 100 ms of the mean', fullest, { 1: 3 }, ' ×')),
      atMost('first success', goodAgain('healed'), { 1: 1.5, 2: 1.5, 3: 1.5, 4: 1.5 }, ' s'),
    ],
  },
];
