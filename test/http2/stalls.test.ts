import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import {
  type CloseCause,
  type Connection,
  closeText,
  nodeHttp2Transport,
  ownHttp2Transport,
  type StreamEnd,
} from '@podwire/http2';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connect } from './connect.ts';

let child: ChildProcess;
let port: number;
beforeAll(async () => {
  child = fork(fileURLToPath(new URL('stalling-pod.mjs', import.meta.url)));
  [port] = (await once(child, 'message')) as [number];
});
afterAll(() => child.kill('SIGKILL'));

/** Keeps this process's event loop from running. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe.each([nodeHttp2Transport, ownHttp2Transport])(
  '$name, when our own event loop stalls',
  (transport) => {
    let connection: Connection;
    let closed: string | undefined;
    const open = (connectTimeoutMs: number, keepaliveTimeMs = 0) => {
      closed = undefined;
      const keepalive = { keepaliveTimeMs, keepaliveTimeoutMs: 200, keepaliveWithoutCalls: true };
      const onClosed = (cause?: CloseCause) => {
        closed = cause === undefined ? 'in order' : closeText(cause);
      };
      connection = connect(transport, port, { connectTimeoutMs, ...keepalive }, { onClosed });
    };
    afterEach(async () => {
      connection.destroy('the test is over');
      await expect.poll(() => closed).toBeDefined();
    });

    test.each([0, 1, 3])('for longer than a connection may take, %i turns after it began', async (turns) => {
      open(300);
      for (let i = 0; i < turns; i++) await turn();
      block(600);
      await expect.poll(() => connection.state).toBe('ready');
    });

    test('again and again', async () => {
      open(300);
      for (let i = 0; i < 6 && connection.state === 'connecting'; i++) {
        block(200);
        await turn();
      }
      await expect.poll(() => connection.state).toBe('ready');
    });

    test('while a keepalive PING waits for its answer', async () => {
      open(5_000, 100);
      await expect.poll(() => connection.state).toBe('ready');
      const ends: StreamEnd[] = [];
      const method = { path: '/a.B/Never', authority: 'a', headers: [] };
      connection.open(
        { method, headers: [], maxReceiveBytes: -1 },
        { onHeaders() {}, onMessage() {}, onEnd: (end) => ends.push(end) },
      );
      for (let i = 0; i < 3; i++) {
        await new Promise<void>((resolve) => setTimeout(resolve, 110));
        block(600);
      }
      await turn();
      await turn();
      expect([closed, ends]).toEqual([undefined, []]);
    });
  },
);
