import { readFileSync } from 'node:fs';
import { type ConnectionOptions, closeText, ownHttp2Transport, type StreamEnd } from '@podwire/http2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { connect, inWords } from './connect.ts';
import { CERTIFICATE, type HostilePeer, liveBytes, startHostilePeer } from './hostile-peer.ts';

let peer: HostilePeer;
beforeAll(async () => {
  peer = await startHostilePeer();
});
afterAll(() => peer.stop());

const LARGE = Buffer.alloc(64 << 20);
const method = { path: '/a.B/C', authority: 'a', headers: ['te', 'trailers'] };

/** A connection with one call on it, and all that becomes of them. */
function attacked(attack: string, options: Partial<ConnectionOptions> = {}, body = Buffer.alloc(10)) {
  const beforeBytes = liveBytes();
  const startedMs = performance.now();
  const seen = {
    ends: [] as object[],
    closed: undefined as string | undefined,
    tookMs: 0,
    grewBytes: 0,
    draining: 0,
    ready: false,
    sent: 0,
  };
  const sampler = setInterval(() => {
    seen.grewBytes = Math.max(seen.grewBytes, liveBytes() - beforeBytes);
  }, 250);
  const call = () => {
    const handler = {
      onHeaders() {},
      onMessage() {},
      onEnd(end: StreamEnd) {
        seen.ends.push(inWords(end));
      },
    };
    const stream = connection.open({ method, headers: [], maxReceiveBytes: 4 << 20 }, handler);
    stream?.request(1);
    stream?.sendMessage(body, false, true, () => {
      seen.sent += 1;
    });
    return stream;
  };
  const connection = connect(
    ownHttp2Transport,
    peer.ports[attack]!,
    { connectTimeoutMs: 500, ...options },
    {
      onReady() {
        seen.ready = true;
        call();
      },
      onDraining() {
        seen.draining += 1;
      },
      onClosed(cause) {
        seen.closed = cause === undefined ? 'in order' : closeText(cause);
        seen.tookMs = performance.now() - startedMs;
        seen.grewBytes = Math.max(seen.grewBytes, liveBytes() - beforeBytes);
        clearInterval(sampler);
      },
    },
  );
  return { seen, connection, call };
}

function expectBounded({ tookMs, grewBytes }: { tookMs: number; grewBytes: number }, limitMs = 1_000): void {
  expect(tookMs, 'the connection must end in time').toBeLessThan(limitMs);
  expect(grewBytes, 'memory must not grow by more than 8 MB').toBeLessThan(8e6);
}

describe('ends the connection, and its calls with it', () => {
  test.each([
    ['empty CONTINUATION flood', /header block without end/],
    ['header list without end', /header block without end/],
    ['SETTINGS flood', /flood/],
    ['SETTINGS of a thousand entries', /more than 64 entries/],
    ['SETTINGS acknowledgement flood', /flood/],
    ['PING flood', /flood/],
    ['PING flood from a peer that does not read', /flood/],
    ['PRIORITY flood', /flood/],
    ['flood of unknown frames', /flood/],
    ['flood of 1xx responses', /flood/],
    ['empty DATA flood', /flood/],
    ['one-byte DATA flood', /flood/],
    ['one-byte DATA flood in an answer that is no gRPC', /flood/],
    ['WINDOW_UPDATE flood', /flood/],
    ['WINDOW_UPDATE flood on a call', /flood/],
    ['HPACK table turned over without end', /flood/],
    ['HPACK index beyond the table', /HPACK: no table entry/],
    ['HPACK table above the limit', /HPACK: a table of/],
    ['HPACK integer without end', /HPACK: an integer/],
    ['connection window overflow', /window above/],
    ['stream windows overflow by SETTINGS', /window above/],
    ['DATA on an idle stream', /never opened/],
    ['WINDOW_UPDATE on an idle stream', /never opened/],
    ['RST_STREAM on an idle stream', /never opened/],
    ['CONTINUATION of nothing', /CONTINUATION of no header block/],
    ['HEADERS on an idle stream', /never opened/],
    ['a frame of 16 MiB', /a frame of 16777215 bytes/],
    ['more DATA than the window', /window of a stream/],
    ['a push', /PUSH_PROMISE/],
    ['a storm of GOAWAY', /flood/],
  ])('%s', async (attack, reason) => {
    const { seen } = attacked(attack);
    await until(() => seen.closed !== undefined);
    expect(seen.closed).toMatch(reason);
    expect(seen.ends).toEqual([{ kind: 'connection-lost', reason: seen.closed }]);
    expect(seen.draining).toBe(1);
    expectBounded(seen);
  });

  test('RST_STREAM flood', async () => {
    const { seen } = attacked('RST_STREAM flood');
    await until(() => seen.closed !== undefined);
    expect(seen.closed).toMatch(/flood/);
    expect(seen.ends).toEqual([{ kind: 'reset', errorCode: 8 }]);
    expectBounded(seen);
  });

  test.each(['DATA on a closed stream', 'HEADERS on a closed stream'])('%s', async (attack) => {
    const { seen } = attacked(attack);
    await until(() => seen.closed !== undefined);
    expect(seen.closed).toMatch(/on stream 1, which is closed/);
    expect(seen.ends[0]).toMatchObject({ kind: 'trailers', trailersOnly: true });
    expectBounded(seen);
  });

  test('HPACK bomb', async () => {
    const { seen } = attacked('HPACK bomb');
    await until(() => seen.closed !== undefined);
    expect(seen.closed).toMatch(/flood/);
    expect(seen.ends).toMatchObject([{ kind: 'headers-too-large', limit: 16_384 }]);
    expectBounded(seen);
  });

  test('GOAWAY with a growing last stream', async () => {
    const { seen } = attacked('GOAWAY with a growing last stream');
    await until(() => seen.closed !== undefined);
    expect(seen.closed).toMatch(/GOAWAY with a higher stream id/);
    expectBounded(seen);
  });

  test('garbage after TLS', async () => {
    const ca = readFileSync(CERTIFICATE.caFile);
    const { seen } = attacked('garbage after TLS', { tls: { ca, serverName: 'localhost' } });
    await until(() => seen.closed !== undefined);
    expect(seen.closed).toMatch(/broke HTTP\/2: an answer that begins with no frame/);
    expectBounded(seen);
  });

  test.each([
    ['no SETTINGS', /no connection in 500 ms: HTTP\/2 SETTINGS was not answered/],
    ['HTTP/1', /the port does not speak HTTP\/2/],
  ])('%s', async (attack, reason) => {
    const { seen } = attacked(attack);
    await until(() => seen.closed !== undefined);
    expect(seen.closed).toMatch(reason);
    expect(seen.ready).toBe(false);
    // Time limits do not count the stalls that looking at memory makes.
    expectBounded(seen, 3_000);
  });

  test('a peer that stops reading: nothing more is put into its socket than it holds, and a PING finds out', async () => {
    const { seen } = attacked('a peer that stops reading', { keepaliveTimeMs: 100 }, LARGE);
    await until(() => seen.closed !== undefined);
    expect(seen.closed).toMatch(/no answer to a keepalive PING in 100 ms/);
    expect(seen.ends).toEqual([{ kind: 'connection-lost', reason: seen.closed }]);
    expectBounded(seen, 3_000);
  });
});

describe('ends the call alone', () => {
  test.each([
    ['a length prefix of 4 GiB', { kind: 'too-large', bytes: 0xffffffff, limit: 4 << 20 }],
    ['a gzip bomb', { kind: 'too-large', bytes: (4 << 20) + 1, limit: 4 << 20 }],
  ])('%s', async (attack, end) => {
    const { seen, connection } = attacked(attack);
    await until(() => seen.ends.length > 0);
    expect(seen.ends).toEqual([end]);
    expect(connection.state).toBe('ready');
    connection.destroy('done');
    await until(() => seen.closed !== undefined);
    expectBounded(seen);
  });

  test('stream window overflow', async () => {
    const { seen, connection } = attacked('stream window overflow');
    await until(() => seen.ends.length > 0);
    expect(seen.ends).toEqual([
      { kind: 'protocol-error', reason: expect.stringMatching(/a window above 2\^31/) },
    ]);
    expect(connection.state).toBe('ready');
    connection.destroy('done');
    await until(() => seen.closed !== undefined);
    expectBounded(seen);
  });

  test('a storm of refusals: each call ends once, and nothing is kept of it', async () => {
    const { seen, connection, call } = attacked('a storm of refusals');
    await until(() => seen.ends.length > 0);
    for (let i = 0; i < 2_000; i++) call();
    await until(() => seen.ends.length === 2_001);
    expect(new Set(seen.ends.map((end) => JSON.stringify(end)))).toEqual(
      new Set([
        JSON.stringify({ kind: 'unprocessed', reason: 'the Pod refused the stream', leftClient: true }),
      ]),
    );
    expect(connection.openStreams).toBe(0);
    connection.destroy('done');
    await until(() => seen.closed !== undefined);
    expect(seen.grewBytes).toBeLessThan(8e6);
  });

  test('windows of 0 bytes for ever: the message waits, and its call can be cancelled', async () => {
    const { seen, connection, call } = attacked('windows of 0 bytes for ever');
    await until(() => seen.sent === 1);
    const stream = call()!;
    expect(connection.openStreams).toBe(2);
    stream.cancel(8);
    await until(() => seen.ends.length === 1);
    expect(seen.ends).toEqual([{ kind: 'cancelled' }]);
    connection.destroy('done');
    await until(() => seen.closed !== undefined);
  });

  test('MAX_CONCURRENT_STREAMS 0: there is no room, and nothing is sent', async () => {
    const { seen, connection } = attacked('no streams allowed');
    await until(() => seen.ready);
    expect([connection.hasRoom, connection.maxConcurrentStreams, connection.openStreams]).toEqual([
      false,
      0,
      0,
    ]);
    connection.destroy('done');
    await until(() => seen.closed !== undefined);
  });
});
