import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import {
  type CloseCause,
  type ConnectionOptions,
  nodeHttp2Transport,
  ownHttp2Transport,
} from '@podwire/http2';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from './connect.ts';
import { frame, TYPE, uint32 } from './frames.mjs';

const certificate = (name: string) => readFileSync(new URL(`../certs/${name}`, import.meta.url));
const ENHANCE_YOUR_CALM = 11;
const SETTINGS = frame(TYPE.SETTINGS, 0, 0, Buffer.alloc(0));
const ACKNOWLEDGED = frame(TYPE.SETTINGS, 1, 0, Buffer.alloc(0));
const GOAWAY = frame(
  TYPE.GOAWAY,
  0,
  0,
  Buffer.concat([uint32(0, ENHANCE_YOUR_CALM), Buffer.from('too_many_pings')]),
);

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** What a Pod does with the connection that it takes. */
const peers: [string, (socket: Socket) => void, Partial<ConnectionOptions>, object][] = [
  ['closes at once', (socket) => socket.end(), {}, { kind: 'eof', before: 'plaintext' }],
  ['says nothing', () => {}, { connectTimeoutMs: 60 }, { kind: 'timeout', step: 'settings', afterMs: 60 }],
  ['speaks HTTP/1', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), {}, { kind: 'protocol' }],
  [
    'sends GOAWAY with an error, and closes',
    (socket) => socket.end(Buffer.concat([SETTINGS, GOAWAY])),
    {},
    { kind: 'goaway', errorCode: ENHANCE_YOUR_CALM, debug: 'too_many_pings' },
  ],
  [
    'closes without a word',
    (socket) => void socket.write(SETTINGS, () => setImmediate(() => socket.end())),
    {},
    { kind: 'eof', before: undefined },
  ],
  [
    'resets the connection',
    (socket) => {
      socket.write(SETTINGS);
      socket.on('data', (data) => void (data.includes(ACKNOWLEDGED) && socket.resetAndDestroy()));
    },
    {},
    { kind: 'reset', code: 'ECONNRESET' },
  ],
  [
    'does not answer a PING',
    (socket) => void socket.write(SETTINGS),
    { keepaliveTimeMs: 50, keepaliveTimeoutMs: 60, keepaliveWithoutCalls: true },
    { kind: 'timeout', step: 'keepalive', afterMs: 60 },
  ],
];

describe.each([ownHttp2Transport, nodeHttp2Transport])('the cause of the end, over $name', (transport) => {
  /** The cause that a connection ended with, and the one that it drained with. */
  function end(port: number, options: Partial<ConnectionOptions> = {}) {
    return new Promise<{ closed: CloseCause | undefined; draining: CloseCause | undefined }>((resolve) => {
      let draining: CloseCause | undefined;
      connect(transport, port, options, {
        onDraining(cause) {
          draining = cause;
        },
        onClosed: (closed) => resolve({ closed, draining }),
      });
    });
  }

  test.each(peers)('of a Pod that %s', async (_name, script, options, cause) => {
    const server = createServer((socket) => {
      socket.on('error', () => {}).resume();
      closers.push(() => socket.destroy());
      script(socket);
    });
    const { closed, draining } = await end(await listen(server), options);
    // One that was never ready does not drain; one without calls is closed in order behind GOAWAY.
    expect(draining ?? closed).toMatchObject(cause);
    if (draining !== undefined && closed !== undefined) expect(closed).toEqual(draining);
  });

  test('of a port that nothing listens on', async () => {
    const server = createServer();
    const port = await listen(server);
    await once(server.close(), 'close');
    expect((await end(port)).closed).toMatchObject({ kind: 'refused', code: 'ECONNREFUSED' });
  });

  test('of a name that is not known', async () => {
    const { closed } = await end(1, { host: 'no-such-host.invalid' });
    expect(closed).toMatchObject({ kind: 'refused', code: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) });
  });

  test.each([
    ['whose authority is unknown', { ca: certificate('ca-two.pem') }, /^UNABLE_TO|SELF_SIGNED/],
    ['that speaks no HTTP/2', { ca: certificate('ca-one.pem'), rejectUnauthorized: false }, /NO_ALPN|ALPN/],
  ])('of a TLS server %s', async (_name, tls, code) => {
    const server = createTls({ key: certificate('server-one.key'), cert: certificate('server-one.pem') });
    server.on('tlsClientError', () => {});
    const { closed } = await end(await listen(server), { tls: { serverName: 'localhost', ...tls } });
    expect(closed).toMatchObject({ kind: 'tls', code: expect.stringMatching(code) });
  });

  test('of one that its owner destroys, or drains', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {}).resume();
      closers.push(() => socket.destroy());
      socket.write(SETTINGS);
    });
    const port = await listen(server);
    for (const how of ['destroy', 'drain'] as const) {
      const closed = await new Promise((resolve) => {
        const connection = connect(
          transport,
          port,
          {},
          {
            onReady: () => connection[how]('enough'),
            onClosed: resolve,
          },
        );
      });
      expect(closed).toEqual(how === 'drain' ? undefined : { kind: 'local', detail: 'enough' });
    }
  });
});
