import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { VirtualClock } from '@podwire/core/testing';
import { Channel } from '../../packages/client/src/channel/channel.ts';
import type { Env } from '../../packages/client/src/env.ts';
import { parseOptions } from '../../packages/client/src/options/settings.ts';
import type { PodwireStatus } from '../../packages/client/src/reasons.ts';
import { seeded } from '../fleet/fleet.ts';
import { CountingClock } from './counting-clock.ts';
import { SimPod } from './sim-pod.ts';
import { SimRegistry } from './sim-registry.ts';
import { SimSocket } from './sim-socket.ts';

const CALLS_A_SECOND = 25;
/** Something goes wrong about so often. */
const TROUBLE_EVERY_MS = 4_000;
/** How long a socket may take to end before it is cut (closeSocket). */
const SOCKET_END_MS = 250;
const RETRY = {
  maxAttempts: 3,
  initialBackoff: '0.02s',
  maxBackoff: '0.2s',
  backoffMultiplier: 2,
  retryableStatusCodes: ['UNAVAILABLE'],
};

/** What became of a simulated while. */
export interface History {
  /** Of every event with its time: equal for equal seeds. */
  readonly hash: string;
  readonly calls: number;
  readonly ended: number;
  /** How many times a call's listener was told of its end, beyond once. */
  readonly endedTwice: number;
  readonly failed: readonly PodwireStatus[];
  /** podwire's timers that are left once `close` has resolved and its sockets have had their time to end. */
  readonly timersLeft: number;
  readonly answered: readonly number[];
}

/** A channel and three to six Pods for so long on a virtual clock, with all that a bad night brings; `calm`: with nothing of it. */
export async function simulate(seed: number, forMs: number, calm = false): Promise<History> {
  const clock = new VirtualClock();
  // Time as the simulated world has it: its timers are known from podwire's.
  const world = new CountingClock(clock);
  const random = seeded(seed);
  const hash = createHash('sha256');
  const note = (...what: unknown[]) => void hash.update(`${clock.nowMs()} ${what.join(' ')}\n`);
  const pods = new Map<string, SimPod>();
  const registry = new SimRegistry();
  const soon = (fn: () => void) => void clock.after(0, fn);
  const env: Env = {
    clock,
    random,
    afterPoll: soon,
    nextTick: soon,
    connect({ host }) {
      const socket = new SimSocket(world, () => 1 + Math.floor(random() * 3));
      note('connect', host);
      const pod = pods.get(host);
      if (pod === undefined) socket.open(undefined);
      else pod.connect(socket);
      return socket as unknown as Socket;
    },
  };
  let named = 0;
  const listed: string[] = [];
  const add = () => {
    named += 1;
    const host = `10.0.${named >> 8}.${named & 255}`;
    pods.set(host, new SimPod(host, world));
    listed.push(host);
    registry.name([...listed]);
  };
  const leave = (host: string) => {
    listed.splice(listed.indexOf(host), 1);
    registry.name([...listed]);
  };
  for (let i = 0; i < 4; i++) add();
  const serviceConfig = { methodConfig: [{ name: [{}], timeout: '2s', retryPolicy: RETRY }] };
  const options = { name: 'orders', registries: [registry], serviceConfig, holdMs: 5_000, drainMs: 3_000 };
  const channel = new Channel('sim:///orders', parseOptions(options), env, {});

  const seen = { calls: 0, ended: 0, endedTwice: 0, failed: [] as PodwireStatus[] };
  const call = () => {
    const number = seen.calls++;
    let isOver = false;
    const made = channel.createCall('/shop.Orders/Get', Number.POSITIVE_INFINITY, null, null, null);
    made.start(new Metadata(), {
      onReceiveMetadata() {},
      onReceiveMessage() {},
      onReceiveStatus(status: StatusObject) {
        if (isOver) seen.endedTwice += 1;
        else seen.ended += 1;
        isOver = true;
        note('ended', number, status.code, made.getPeer(), (status as PodwireStatus).reason ?? '');
        if (status.code !== 0) seen.failed.push(status as PodwireStatus);
      },
    });
    made.startRead();
    made.sendMessageWithContext({}, Buffer.from('a'));
    made.halfClose();
  };

  /** One thing that goes wrong, and comes right a while later. */
  const trouble = () => {
    const host = listed[Math.floor(random() * listed.length)]!;
    const pod = pods.get(host)!;
    const kind = Math.floor(random() * 8);
    const afterMs = 500 + Math.floor(random() * 5_000);
    note('trouble', kind, host);
    if (kind === 0) {
      // A node dies: the registry says so after a while, and a new Pod comes.
      pod.die();
      world.after(afterMs, () => {
        if (listed.includes(host)) leave(host);
        if (listed.length < 3) add();
      });
    } else if (kind === 1 && listed.length > 3) {
      // A rollout: the Pod leaves the set, ends its connections, and goes.
      leave(host);
      world.after(200, () => pod.goAway());
      world.after(3_000, () => pod.die());
    } else if (kind === 2 && listed.length < 6) add();
    else if (kind === 3) {
      pod.serviceMs = 300;
      world.after(afterMs, () => {
        pod.serviceMs = 5;
      });
    } else if (kind === 4) {
      pod.code = 14;
      world.after(afterMs, () => {
        pod.code = 0;
      });
    } else if (kind === 5) registry.fail();
    else if (kind === 6) {
      // Its process hangs: it takes calls and answers none.
      pod.serviceMs = Number.POSITIVE_INFINITY;
      world.after(afterMs, () => {
        pod.serviceMs = 5;
      });
    } else if (kind === 7 && listed.length > 3) {
      // Its node is cut off: no RST and no FIN come, and the registry says so when its lease is over.
      pod.isCutOff = true;
      world.after(afterMs, () => {
        if (listed.includes(host)) leave(host);
        if (listed.length < 3) add();
      });
    }
  };

  const endMs = clock.nowMs() + forMs;
  const every = (ms: () => number, fn: () => void) => {
    const again = () =>
      void world.after(ms(), () => {
        if (clock.nowMs() >= endMs) return;
        fn();
        again();
      });
    again();
  };
  await clock.advance(100);
  every(() => (2 * random() * 1_000) / CALLS_A_SECOND, call);
  if (!calm) every(() => 2 * random() * TROUBLE_EVERY_MS, trouble);
  await clock.advance(forMs);
  let timersLeft = Number.NaN;
  const closed = channel.close().then(() =>
    world.after(SOCKET_END_MS, () => {
      timersLeft = clock.pending - world.pending;
    }),
  );
  await clock.advance(10_000);
  await closed;
  const answered = [...pods.values()].map((pod) => pod.answered);
  return { ...seen, hash: hash.digest('hex'), timersLeft, answered };
}
