import { expect, test } from 'vitest';
import { Dice } from '../dice.ts';
import { Engine } from '../engine.ts';
import { Way } from './link.ts';
import { type ServerSide, type SimHost, SimSocket } from './sim-socket.ts';

/** A connection to a server that writes down what it reads. */
function connect(answer: 'accepts' | 'refused' | 'silent' = 'accepts') {
  const engine = new Engine();
  const dice = new Dice(1, 'test');
  const seen: string[] = [];
  const got: Buffer[] = [];
  let reads = true;
  const server: ServerSide = {
    get reads() {
      return reads;
    },
    onPoll: (delayMs, fn) => void engine.after(delayMs, fn),
    onBytes: (bytes) => void got.push(bytes),
    onEnd: () => void seen.push('server: end'),
    onReset: () => void seen.push('server: reset'),
  };
  const link = { there: new Way(engine, dice, 1), back: new Way(engine, dice, 1) };
  const host: SimHost = {
    link,
    accept: () => (answer === 'accepts' ? server : answer),
    onGone() {},
  };
  const socket = new SimSocket(engine, dice, host, 50);
  for (const event of ['connect', 'end', 'close']) socket.on(event, () => seen.push(event));
  socket.on('error', (error: NodeJS.ErrnoException) => seen.push(error.code!));
  let received = '';
  socket.on('data', (bytes: Buffer) => {
    received += bytes.toString();
  });
  return {
    engine,
    link,
    socket,
    seen,
    got: () => Buffer.concat(got),
    received: () => received,
    read(on: boolean) {
      reads = on;
      if (on) socket.serverResume();
    },
    run: (ms: number) => engine.run(engine.nowMs() + ms),
  };
}

test('bytes arrive in order, wherever they are cut, also when the way was closed for a while', async () => {
  const one = connect();
  await one.run(10);
  let sent = '';
  for (let i = 0; i < 200; i++) {
    const text = `message ${i}; `;
    sent += text;
    one.socket.write(Buffer.from(text));
    if (i === 50) one.link.there.cut();
    if (i === 120) one.link.there.heal();
    await one.run(5);
  }
  await one.run(5_000);
  expect(one.got().toString()).toBe(sent);
  one.socket.serverWrite(Buffer.from('an answer'));
  await one.run(10);
  expect(one.received()).toBe('an answer');
});

test('the buffers are bounded: a process that reads nothing stops the writer', async () => {
  const one = connect();
  await one.run(10);
  one.read(false);
  for (let i = 0; i < 32; i++) one.socket.write(Buffer.alloc(64 * 1024));
  await one.run(100);
  expect(one.socket.writableLength).toBe(31 * 64 * 1024);
  one.read(true);
  await one.run(1_000);
  expect(one.socket.writableLength).toBe(0);
  expect(one.got()).toHaveLength(32 * 64 * 1024);
});

test('a connection is refused, or not answered', async () => {
  const refused = connect('refused');
  await refused.run(10);
  expect(refused.seen).toEqual(['ECONNREFUSED', 'close']);
  const silent = connect('silent');
  await silent.run(60_000);
  expect(silent.seen).toEqual([]);
});

test('a lost SYN is sent again after a second', async () => {
  const one = connect();
  one.link.there.cut();
  await one.run(500);
  one.link.there.heal();
  await one.run(400);
  expect(one.seen).toEqual([]);
  await one.run(200);
  expect(one.seen).toEqual(['connect']);
});

test('a host that lost power resets the connection when bytes reach it again', async () => {
  const one = connect();
  await one.run(10);
  one.socket.serverVanish();
  await one.run(10_000);
  expect(one.seen).toEqual(['connect']);
  one.socket.write(Buffer.from('is somebody there'));
  await one.run(10);
  expect(one.seen).toEqual(['connect', 'ECONNRESET', 'close']);
});

test('each end learns of the end of the other', async () => {
  const one = connect();
  await one.run(10);
  one.socket.serverEnd();
  await one.run(10);
  expect(one.seen).toEqual(['connect', 'end', 'close', 'server: end']);
});

test("TCP's own probes end a connection that is cut off", async () => {
  const one = connect();
  await one.run(10);
  one.socket.setKeepAlive(true, 10_000);
  await one.run(60_000);
  expect(one.seen).toEqual(['connect']);
  one.link.back.cut();
  await one.run(30_000);
  expect(one.seen).toEqual(['connect', 'ETIMEDOUT', 'close']);
});
