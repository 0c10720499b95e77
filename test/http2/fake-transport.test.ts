import { VirtualClock } from '@podwire/core/testing';
import {
  type Connection,
  type ConnectionListener,
  closeText,
  GrpcPeer,
  ownHttp2Transport,
  type RawHeaders,
  type Stream,
  type Transport,
} from '@podwire/http2';
import { FakeTransport } from '@podwire/http2/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { connect, inWords } from './connect.ts';
import { NodePod, type ScriptedCall, type ScriptedPod } from './node-pod.ts';

/** Where a conversation takes place: the same on a fake Pod and on a real one. */
interface Stage {
  readonly pod: ScriptedPod;
  readonly connection: Connection;
  /** All that the connection's owner, its calls and the Pod were told, in order. */
  readonly events: string[];
  /** Calls that the Pod has. */
  readonly calls: ScriptedCall[];
  open(name: string, wanted?: number): Stream | undefined;
  /** Waits until so many events were seen that begin so. */
  seen(prefix: string, count?: number): Promise<void>;
}

interface Setting {
  readonly maxConcurrentStreams?: number;
  readonly maxReceiveBytes?: number;
}

/** Node's server adds the time. */
function undated(headers: RawHeaders): RawHeaders {
  const at = headers.indexOf('date');
  return at < 0 ? headers : headers.toSpliced(at, 2);
}

const text = (message: Uint8Array) => Buffer.from(message).toString();
const bytes = (message: string) => Buffer.from(message);

function stage(
  setting: Setting,
  pod: ScriptedPod,
  begin: (listener: ConnectionListener) => Connection,
  until: (condition: () => boolean) => Promise<void>,
): Stage {
  const events: string[] = [];
  const calls: ScriptedCall[] = [];
  /** A callback inside a call of its owner would be seen here. */
  let calling = '';
  const note = (event: string) => void events.push(calling === '' ? event : `${event}, INSIDE ${calling}`);
  const during = <T>(name: string, fn: () => T): T => {
    calling = name;
    try {
      return fn();
    } finally {
      calling = '';
    }
  };
  pod.onCall = (call) => {
    calls.push(call);
    events.push(`Pod: ${call.path}`);
  };
  const real = begin({
    onReady: () => note('ready'),
    onDraining: (cause) => note(`draining: ${closeText(cause)}`),
    onRoom: () => note(`room: ${real.hasRoom}`),
    onClosed: (cause) => note(`closed: ${cause === undefined ? 'in order' : closeText(cause)}`),
  });
  const connection = {
    get state() {
      return real.state;
    },
    get hasRoom() {
      return real.hasRoom;
    },
    get openStreams() {
      return real.openStreams;
    },
    drain: () => during('drain', () => real.drain()),
    destroy: (reason: string) => during('destroy', () => real.destroy(reason)),
  } as Connection;
  return {
    pod,
    connection,
    events,
    calls,
    open(name, wanted = 1) {
      const method = { path: `/t.T/${name}`, authority: 'pod', headers: ['te', 'trailers'] };
      const { maxReceiveBytes = -1 } = setting;
      const stream = during('open', () =>
        real.open(
          { method, headers: ['x-name', name], maxReceiveBytes },
          {
            onHeaders: (headers, status) => note(`${name}: headers ${status} ${undated(headers)}`),
            // Which `request` may deliver.
            onMessage: (message) => void events.push(`${name}: message ${text(message)}`),
            onEnd: (end) =>
              note(
                `${name}: end ${JSON.stringify(inWords(end.kind === 'trailers' ? { ...end, headers: undated(end.headers) } : end))}`,
              ),
          },
        ),
      );
      if (stream === undefined) {
        events.push(`${name}: no room`);
        return undefined;
      }
      if (wanted > 0) stream.request(wanted);
      return {
        get peer() {
          return stream.peer;
        },
        get sentBytes() {
          return stream.sentBytes;
        },
        get receivedBytes() {
          return stream.receivedBytes;
        },
        sendMessage: (message, compressed, last, done) => stream.sendMessage(message, compressed, last, done),
        halfClose: () => during('halfClose', () => stream.halfClose()),
        request: (n) => during('request', () => stream.request(n)),
        cancel: (code) => during('cancel', () => stream.cancel(code)),
      };
    },
    seen: (prefix, count = 1) =>
      until(() => events.filter((event) => event.startsWith(prefix)).length >= count),
  };
}

/** Opens a call with one message, and answers nothing yet. */
async function unary(at: Stage, name = 'a', wanted = 1): Promise<ScriptedCall> {
  const before = at.calls.length;
  at.open(name, wanted)?.sendMessage(bytes('ask'), false, true, undefined);
  await at.seen(`Pod: /t.T/${name}`);
  const call = at.calls[before]!;
  if (!call.halfClosed) {
    call.onHalfClose = () => at.events.push(`Pod: ${name} half-closed`);
    await at.seen(`Pod: ${name} half-closed`);
  }
  return call;
}

const END = 2;
const conversations: [string, (at: Stage) => Promise<void>, Setting?][] = [
  [
    'a unary call that is answered',
    async (at) => {
      const call = await unary(at);
      at.events.push(...call.messages.map(text));
      call.reply(bytes('answer'));
      call.end(0);
      await at.seen('a: end');
    },
  ],
  [
    'an error behind headers',
    async (at) => {
      const call = await unary(at);
      call.sendHeaders(['x-pod', 'one']);
      call.end(5, 'no such order: %', ['x-trailer', 'two']);
      await at.seen('a: end');
    },
  ],
  [
    'an error by trailers only',
    async (at) => {
      const call = await unary(at);
      call.end(14, 'not now', ['grpc-retry-pushback-ms', '10']);
      await at.seen('a: end');
    },
  ],
  [
    'a message that the caller did not ask for, and an end without an error behind it',
    async (at) => {
      const stream = at.open('a', 0)!;
      stream.halfClose();
      await at.seen('Pod: /t.T/a');
      at.calls[0]!.reply(bytes('one'));
      at.calls[0]!.end(0);
      await at.seen('a: headers');
      const other = at.open('b')!;
      other.halfClose();
      await at.seen('Pod: /t.T/b');
      at.calls[1]!.end(0);
      await at.seen('b: end');
      at.events.push('asked');
      stream.request(1);
      await at.seen('a: end');
    },
  ],
  [
    'replies of which the caller asks for some at a time',
    async (at) => {
      const stream = at.open('a', 2)!;
      stream.halfClose();
      await at.seen('Pod: /t.T/a');
      for (const reply of ['one', 'two', 'three', 'four']) at.calls[0]!.reply(bytes(reply));
      at.calls[0]!.end(0);
      await at.seen('a: message two');
      at.events.push('asked for one more');
      stream.request(1);
      await at.seen('a: message three');
      at.events.push('asked for the rest');
      stream.request(5);
      await at.seen('a: end');
    },
  ],
  [
    'two replies and a failure, to a caller that asked for one',
    async (at) => {
      const call = await unary(at);
      call.reply(bytes('one'));
      call.reply(bytes('two'));
      call.end(13, 'two of them');
      await at.seen('a: end');
    },
  ],
  [
    'messages both ways',
    async (at) => {
      const stream = at.open('a', 100)!;
      await at.seen('Pod: /t.T/a');
      const call = at.calls[0]!;
      call.onMessage = (message) => call.reply(bytes(`echo ${text(message)}`));
      call.onHalfClose = () => call.end(0);
      for (const message of ['one', 'two', 'three']) {
        stream.sendMessage(bytes(message), false, false, undefined);
        await at.seen(`a: message echo ${message}`);
      }
      stream.halfClose();
      await at.seen('a: end');
      at.events.push(`${stream.sentBytes} bytes sent, ${stream.receivedBytes} received`);
    },
  ],
  [
    'done is called once for each message',
    async (at) => {
      const stream = at.open('a')!;
      let done = 0;
      const next = () => {
        done += 1;
        if (done < 3) stream.sendMessage(bytes(String(done)), false, false, next);
        else at.events.push('all done');
      };
      stream.sendMessage(bytes('0'), false, false, next);
      await at.seen('all done');
      await at.seen('Pod: /t.T/a');
      stream.cancel(8);
      await at.seen('a: end');
      stream.sendMessage(bytes('late'), false, false, () => at.events.push('done, though it is over'));
      await at.seen('done');
    },
  ],
  [
    'a call that is cancelled',
    async (at) => {
      const stream = at.open('a')!;
      await at.seen('Pod: /t.T/a');
      at.calls[0]!.onCancel = (code) => at.events.push(`Pod: cancelled ${code}`);
      stream.cancel(8);
      await at.seen('a: end');
      await at.seen('Pod: cancelled');
    },
  ],
  [
    'a call that the Pod resets, and one that it refuses',
    async (at) => {
      (await unary(at)).reset(END);
      await at.seen('a: end');
      (await unary(at, 'b')).reset(7);
      await at.seen('b: end');
    },
  ],
  [
    'a message over the limit',
    async (at) => {
      const call = await unary(at);
      call.reply(bytes('four and twenty'));
      await at.seen('a: end');
    },
    { maxReceiveBytes: 10 },
  ],
  [
    'GOAWAY while a call is open',
    async (at) => {
      const call = await unary(at);
      at.pod.goAway(0, 'max_age');
      await at.seen('draining');
      at.open('b');
      call.reply(bytes('answer'));
      call.end(0);
      await at.seen('closed');
    },
  ],
  [
    'GOAWAY that names only the first of two calls',
    async (at) => {
      const call = await unary(at);
      await unary(at, 'b');
      at.pod.goAway(0, '', 1);
      await at.seen('b: end');
      call.end(0);
      await at.seen('closed');
    },
  ],
  [
    'GOAWAY with an error that names only the first of two calls',
    async (at) => {
      const call = await unary(at);
      await unary(at, 'b');
      at.pod.goAway(11, 'too_many_pings', 1);
      await at.seen('b: end');
      call.end(0);
      await at.seen('closed');
    },
  ],
  [
    'a connection that is lost under its calls',
    async (at) => {
      await unary(at);
      const call = await unary(at, 'b');
      call.reply(bytes('half an answer'));
      await at.seen('b: message');
      at.pod.close();
      await at.seen('closed');
    },
  ],
  [
    'a connection that its owner destroys, with a call that has not left',
    async (at) => {
      await unary(at);
      at.open('b')?.sendMessage(bytes('ask'), false, true, undefined);
      at.connection.destroy('enough');
      at.events.push(`no room: ${!at.connection.hasRoom}`);
      await at.seen('closed');
    },
  ],
  [
    'a connection that its owner drains',
    async (at) => {
      const call = await unary(at);
      at.connection.drain();
      at.open('b');
      await at.seen('draining');
      call.end(0);
      await at.seen('closed');
    },
  ],
  [
    'a limit of streams',
    async (at) => {
      const first = await unary(at);
      await unary(at, 'b');
      at.open('c');
      first.end(0);
      await at.seen('a: end');
      await at.seen('room');
      (await unary(at, 'd')).end(0);
      await at.seen('room', 2);
    },
    { maxConcurrentStreams: 2 },
  ],
  [
    'a limit of streams that changes',
    async (at) => {
      const call = await unary(at);
      at.pod.limit(1);
      await at.seen('room: false');
      at.pod.limit(2);
      await at.seen('room: true');
      call.end(0);
      await at.seen('a: end');
    },
  ],
];

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function onSockets(
  transport: Transport,
  script: (at: Stage) => Promise<void>,
  setting: Setting,
): Promise<string[]> {
  const pod = new NodePod(setting.maxConcurrentStreams);
  closers.push(() => pod.close());
  const port = await pod.listen();
  const until = async (condition: () => boolean) =>
    void (await expect.poll(condition, { interval: 2 }).toBe(true));
  const at = stage(setting, pod, (listener) => connect(transport, port, {}, listener), until);
  closers.push(() => at.connection.destroy('the test is over'));
  await at.seen('ready');
  await script(at);
  const { state, openStreams, hasRoom } = at.connection;
  return [...at.events, `${state}, ${openStreams} open, room: ${hasRoom}`];
}

async function onFake(
  latencyMs: number,
  script: (at: Stage) => Promise<void>,
  setting: Setting,
): Promise<string[]> {
  const clock = new VirtualClock();
  const transport = new FakeTransport(clock);
  const pod = transport.pod('127.0.0.1:1');
  pod.latencyMs = latencyMs;
  pod.maxConcurrentStreams = setting.maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
  let events: string[] = [];
  const until = async (condition: () => boolean) => {
    for (let i = 0; i < 20 && !condition(); i++) await clock.advance(10);
    expect(condition(), `what was waited for never came: ${JSON.stringify(events)}`).toBe(true);
  };
  const at = stage(setting, pod, (listener) => connect(transport, 1, {}, listener), until);
  events = at.events;
  await at.seen('ready');
  await script(at);
  const { state, openStreams, hasRoom } = at.connection;
  return [...at.events, `${state}, ${openStreams} open, room: ${hasRoom}`];
}

describe.each(conversations)('%s', (_name, script, setting = {}) => {
  test.each([0, 25])(
    'comes to the same on a fake Pod as on a real one, over a latency of %d ms',
    async (latencyMs) => {
      const real = await onSockets(ownHttp2Transport, script, setting);
      expect(real.filter((event) => event.includes('INSIDE'))).toEqual([]);
      expect(await onFake(latencyMs, script, setting)).toEqual(real);
    },
  );
});

test('a port that refuses: the cause and the events are those of a real one', async () => {
  const pod = new NodePod(undefined);
  const port = await pod.listen();
  pod.close();
  const run = (transport: Transport, advance: () => void) =>
    new Promise((resolve) => {
      const events: unknown[] = [];
      const connection = connect(
        transport,
        port,
        {},
        {
          onReady: () => events.push('ready'),
          onDraining: () => events.push('draining'),
          onClosed: (cause) => resolve([...events, cause, connection.state]),
        },
      );
      advance();
    });
  const clock = new VirtualClock();
  const fake = new FakeTransport(clock);
  fake.pod(`127.0.0.1:${port}`).refuse();
  const real = await run(ownHttp2Transport, () => {});
  expect(await run(fake, () => clock.advanceSync(0))).toEqual(real);
});

describe('a fake Pod', () => {
  const clock = new VirtualClock();
  const fake = new FakeTransport(clock);
  const pod = fake.pod('127.0.0.1:1');
  const peerOf = () =>
    new GrpcPeer(
      fake,
      {
        ...{
          host: '127.0.0.1',
          port: 1,
          tls: undefined,
          connectTimeoutMs: 3_000,
          maxHeaderListBytes: 16_384,
        },
        ...{ keepaliveTimeMs: 0, keepaliveTimeoutMs: 0, keepaliveWithoutCalls: false },
      },
      { clock, maxReceiveBytes: 1_000, onDraining() {}, onClosed() {} },
    );

  test('answers every call after its latency, or fails it', async () => {
    pod.latencyMs = 20;
    pod.answer(bytes('one'));
    const peer = peerOf();
    await clock.advance(40);
    await peer.ready();
    const startMs = clock.nowMs();
    const answered = peer
      .unary('/t.T/A', bytes('ask'), 1_000)
      .then((reply) => [text(reply), clock.nowMs() - startMs]);
    await clock.advance(100);
    expect(await answered).toEqual(['one', 40]);
    pod.fail(8, 'too many');
    const failed = expect(peer.unary('/t.T/B', bytes('ask'), 1_000)).rejects.toThrow('gRPC status 8');
    await clock.advance(100);
    await failed;
    expect(pod.calls.map(({ path, messages }) => [path, messages.map(text)])).toEqual([
      ['/t.T/A', ['ask']],
      ['/t.T/B', ['ask']],
    ]);
    peer.destroy('done');
  });

  test('leaves a connection without a word, until its time is up', async () => {
    pod.hang();
    const peer = peerOf();
    const failed = expect(peer.ready()).rejects.toThrow('no connection in 3000 ms: TCP was not answered');
    await clock.advance(2_999);
    expect(pod.connections.size).toBe(1);
    await clock.advance(1);
    await failed;
    expect(pod.connections.size).toBe(0);
    pod.accept();
  });

  test('holds back a caller whose messages it does not read', async () => {
    pod.latencyMs = 0;
    pod.onCall = () => {};
    const before = pod.calls.length;
    const connection = connect(fake, 1);
    await clock.advance(10);
    const handler = { onHeaders() {}, onMessage() {}, onEnd() {} };
    const method = { path: '/t.T/C', authority: 'pod', headers: [] };
    const stream = connection.open({ method, headers: [], maxReceiveBytes: -1 }, handler)!;
    await clock.advance(10);
    const call = pod.calls[before]!;
    let done = 0;
    const count = () => {
      done += 1;
    };
    call.reads = false;
    stream.sendMessage(bytes('one'), false, false, count);
    await clock.advance(10);
    expect(done).toBe(0);
    call.reads = true;
    await clock.advance(10);
    expect(done).toBe(1);
    call.reads = false;
    stream.sendMessage(bytes('two'), false, false, count);
    stream.cancel(8);
    await clock.advance(10);
    expect(done).toBe(2);
    expect(call.resetCode).toBe(8);
    connection.destroy('done');
  });
});
