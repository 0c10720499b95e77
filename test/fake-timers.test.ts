import { spawn } from 'node:child_process';
import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openChannel } from './support/channel.ts';

const script = fileURLToPath(new URL('support/under-fake-timers.mjs', import.meta.url));
/** Node takes the CommonJS files of a package then, as versions do that cannot `require` an ES module, and Jest and bundlers. */
const AS_COMMONJS = ['--no-experimental-require-module'];
const DEADLINE_EXCEEDED = 4;
const OK = 0;
/** What becomes of each step of the script. */
const GOOD = {
  during: OK,
  duringWithDeadline: OK,
  duringExpired: DEADLINE_EXCEEDED,
  duringAnew: OK,
  hung: [DEADLINE_EXCEEDED, DEADLINE_EXCEEDED],
  after: OK,
  afterWithDeadline: OK,
  afterExpired: DEADLINE_EXCEEDED,
  afterAnew: OK,
};

const STILL = {
  during: DEADLINE_EXCEEDED,
  duringWithDeadline: DEADLINE_EXCEEDED,
  duringAnew: DEADLINE_EXCEEDED,
};

let server: Http2Server;
/** Answers each call with an empty message, except for those of `Hang`. */
beforeAll(async () => {
  server = createServer();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    if (String(headers[':path']).endsWith('/Hang')) return;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.alloc(5));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => void server.close());
const address = () => `127.0.0.1:${(server.address() as AddressInfo).port}`;

describe.each(['http2', 'node-http2'] as const)('over %s', (transport) => {
  describe.each(['sinon', 'jest', 'node:test'])("under the defaults of %s's fake timers", (library) => {
    test.each([
      ['before', 'ES modules'],
      ['under', 'ES modules'],
      ['before', 'CommonJS'],
      ['under', 'CommonJS'],
    ])('calls work, and go on working afterwards; podwire is loaded %s, as %s', async (when, form) => {
      const flags = ['--no-warnings', ...(form === 'CommonJS' ? AS_COMMONJS : [])];
      const args = [...flags, script, library, when, transport, address()];
      const child = spawn(process.execPath, args, {
        stdio: ['ignore', 'pipe', 'inherit'],
        timeout: 20_000,
      });
      const said = await text(child.stdout);
      // node:http2 itself stands still without `process.nextTick`, which these two replace in the whole process.
      const isStill = transport === 'node-http2' && library !== 'node:test';
      const good = isStill ? { ...GOOD, ...STILL } : GOOD;
      expect(JSON.parse(said || '{}')).toEqual(when === 'before' ? { before: OK, ...good } : good);
      await expect.poll(() => child.exitCode).toBe(0);
    });
  });

  describe("under vitest's", () => {
    afterEach(() => void vi.useRealTimers());

    const get = (client: Client, method: string, options = {}) =>
      new Promise<number>((resolve) => {
        const same = (bytes: Buffer) => bytes;
        const path = `/podwire.test.Orders/${method}`;
        client.makeUnaryRequest(path, same, same, Buffer.alloc(0), options, (error) =>
          resolve(error?.code ?? OK),
        );
      });
    const open = () => {
      const channelOverride = openChannel(`static:///${address()}`, { transport });
      return new Client('orders', credentials.createInsecure(), { channelOverride });
    };

    test('calls work, and go on working afterwards', async () => {
      const old = open();
      expect(await get(old, 'Get')).toBe(OK);
      vi.useFakeTimers({ now: 1_000_000 });
      expect(await get(old, 'Get')).toBe(OK);
      const anew = open();
      expect(await get(anew, 'Get', { deadline: Date.now() + 5_000 })).toBe(OK);
      vi.advanceTimersByTime(3_600_000);
      expect(await get(anew, 'Hang', { deadline: Date.now() + 50 })).toBe(DEADLINE_EXCEEDED);
      const hung = get(old, 'Hang', { deadline: Date.now() + 100 });
      vi.useRealTimers();
      expect(await hung).toBe(DEADLINE_EXCEEDED);
      for (const client of [old, anew, open()]) {
        expect(await get(client, 'Get', { deadline: Date.now() + 5_000 })).toBe(OK);
        expect(await get(client, 'Hang', { deadline: Date.now() + 50 })).toBe(DEADLINE_EXCEEDED);
      }
    });
  });
});
