import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { ownHttp2Transport } from '@podwire/http2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { connect } from './connect.ts';
import corpus from './fuzz-corpus.json' with { type: 'json' };
import { liveBytes } from './hostile-peer.ts';

/** How long, and from where: PODWIRE_FUZZ_MS=600000 PODWIRE_SEED=7 npx vitest run test/http2/fuzz */
const FUZZ_MS = Number(process.env.PODWIRE_FUZZ_MS ?? 0);
const SEED = Number(process.env.PODWIRE_SEED ?? 1);
const CASES = 250;
const WARM_UP = 100;
/** Less than a hundred connections that each keep what is read at once, and enough for what the test itself keeps. */
const GROWTH_BYTES = 5e6;

/** mulberry32: short, and the same everywhere. */
function generator(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const known = corpus.map(({ frames }) => frames.map((hex) => Buffer.from(hex, 'hex')));

/** A conversation of the corpus with frames dropped, doubled, swapped, taken from others, and bytes changed. */
function mutate(random: (below: number) => number): Buffer {
  const frames = known[random(known.length)]!.map((frame) => Buffer.from(frame));
  for (let count = random(5); count > 0; count--) {
    const at = random(frames.length);
    const other = known[random(known.length)]!;
    const change = random(7);
    if (change === 0 && frames.length > 1) frames.splice(at, 1);
    else if (change === 1) frames.splice(at, 0, frames[at]!);
    else if (change === 2) frames.push(frames[at]!);
    else if (change === 3) frames.splice(at, 0, Buffer.from(other[random(other.length)]!));
    else if (change === 4) frames[at] = frames[at]!.subarray(0, random(frames[at]!.length + 1));
    else frames[at]![random(frames[at]!.length)] = change === 5 ? random(256) : 0xff * random(2);
    if (frames[at]?.length === 0) frames[at] = Buffer.from([0]);
  }
  return Buffer.concat(frames);
}

let server: Server;
let onSocket: (socket: Socket) => void = () => {};
beforeAll(async () => {
  server = createServer((socket) => onSocket(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));

const method = { path: '/a.B/C', authority: 'a', headers: ['te', 'trailers'] };

/** Plays one conversation to a client with three calls; every promise of the interface must hold. */
async function play(bytes: Buffer, random: (below: number) => number): Promise<void> {
  let closed = 0;
  const ends: number[] = [];
  let late = 0;
  onSocket = (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      // SETTINGS alone first, so that there are calls; the rest when these have come.
      const first = Math.min(bytes.length, 9 + bytes.readUIntBE(0, Math.min(3, bytes.length)));
      socket.write(bytes.subarray(0, first));
      socket.once('data', () => {
        const cut = first + random(bytes.length - first + 1);
        socket.write(bytes.subarray(first, cut), () => setImmediate(() => socket.end(bytes.subarray(cut))));
        socket.resume();
      });
    });
  };
  const call = (id: number) => {
    ends[id] = 0;
    const stream = connection.open(
      { method, headers: [], maxReceiveBytes: 1000 },
      {
        onHeaders() {
          late += ends[id]!;
        },
        onMessage() {
          late += ends[id]!;
          stream?.request(1);
        },
        onEnd() {
          ends[id]! += 1;
        },
      },
    );
    if (stream === undefined) ends[id] = 1;
    stream?.request(1);
    stream?.sendMessage(Buffer.alloc(30), false, id !== 2, undefined);
    return stream;
  };
  const { port } = server.address() as AddressInfo;
  const options = { connectTimeoutMs: 300, maxHeaderListBytes: 4096 };
  const connection = connect(ownHttp2Transport, port, options, {
    onReady() {
      for (const id of [0, 1, 2]) call(id);
      if (random(4) === 0) call(3)?.cancel(8);
    },
    onClosed() {
      closed += 1;
    },
  });
  await until(() => closed > 0);
  expect(closed, 'onClosed must come once').toBe(1);
  expect(late, 'nothing may come after the end').toBe(0);
  // A cancelled call is told its end on the next tick.
  await until(() => ends.every((count) => count > 0));
  expect(
    ends.every((count) => count === 1),
    'every call must end once',
  ).toBe(true);
  expect(connection.openStreams).toBe(0);
}

test.each(corpus.map(({ name }, i) => [name, i] as const))('the corpus itself: %s', async (_name, i) => {
  await play(Buffer.concat(known[i]!), generator(i));
});

test(`mutated conversations never break a promise (seed ${SEED})`, {
  timeout: 60_000 + FUZZ_MS,
}, async () => {
  const startedMs = performance.now();
  let baseBytes = 0;
  for (let n = 0; n < CASES || performance.now() - startedMs < FUZZ_MS; n++) {
    const random = generator(SEED * 1_000_003 + n);
    const bytes = mutate(random);
    try {
      await play(bytes, random);
    } catch (error) {
      throw new Error(`case ${n} of seed ${SEED}: ${bytes.toString('hex')}`, { cause: error });
    }
    // Code is compiled and caches are filled by then; what grows from there on is kept of connections that are gone.
    if (n === WARM_UP) baseBytes = liveBytes();
    if (n > WARM_UP && n % 1000 === 0) expectNoGrowth(n);
  }
  expectNoGrowth(CASES);

  function expectNoGrowth(n: number): void {
    expect(liveBytes() - baseBytes, `memory kept after case ${n} of seed ${SEED}`).toBeLessThan(GROWTH_BYTES);
  }
});
