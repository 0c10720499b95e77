import { gzipSync } from 'node:zlib';
import { type Connection, nodeHttp2Transport, ownHttp2Transport, type Stream } from '@podwire/http2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect, inWords } from './connect.ts';
import { FramePeer } from './frame-peer.ts';
import { frame, literal, message, OK_BLOCK, TYPE, trailers, uint32 } from './frames.mjs';

const LIMIT = 1000;
const END_STREAM = 1;
const TOO_LARGE = message(gzipSync(Buffer.alloc(LIMIT + 1)), 1);
const GOOD: Buffer<ArrayBuffer> = message(gzipSync(Buffer.alloc(LIMIT)), 1);
const data = (id: number, payload: Buffer<ArrayBuffer>, flags = 0) => frame(TYPE.DATA, flags, id, payload);
const headers = (id: number) =>
  frame(TYPE.HEADERS, 4, id, Buffer.concat([OK_BLOCK, literal('grpc-encoding', 'gzip')]));

/** Looks often: nothing here takes longer than a turn of the event loop. */
const soon = <T>(look: () => T) => expect.poll(look, { interval: 1, timeout: 5_000 });

let peer: FramePeer;
/** The newest stream that the peer knows. */
let opened = 0;
beforeEach(async () => {
  peer = await FramePeer.listen(({ type, streamId }) => {
    if (type === TYPE.HEADERS) opened = streamId;
  });
});
afterEach(() => peer.close());

interface Talk {
  readonly stream: Stream;
  readonly messages: number[];
  readonly ends: object[];
  headers: number;
  onMessage: () => void;
}

const method = { path: '/a.B/C', authority: 'a', headers: ['te', 'trailers'] };

function talk(connection: Connection): Talk {
  const seen: Omit<Talk, 'stream'> = { messages: [], ends: [], headers: 0, onMessage() {} };
  const stream = connection.open(
    { method, headers: [], maxReceiveBytes: LIMIT },
    {
      onHeaders() {
        seen.headers += 1;
      },
      onMessage(bytes) {
        seen.messages.push(bytes.length);
        seen.onMessage();
      },
      onEnd(end) {
        seen.ends.push(inWords(end));
      },
    },
  )!;
  stream.sendMessage(Buffer.alloc(1), false, true, undefined);
  return Object.assign(seen, { stream });
}

describe.each([nodeHttp2Transport, ownHttp2Transport])('$name', (transport) => {
  let connection: Connection;
  let first: Talk;
  let second: Talk;
  beforeEach(async () => {
    connection = connect(transport, peer.port);
    await soon(() => connection.state).toBe('ready');
    first = talk(connection);
    second = talk(connection);
    await soon(() => opened).toBe(3);
    peer.write(Buffer.concat([headers(1), headers(3)]));
    await soon(() => first.headers + second.headers).toBe(2);
  });
  afterEach(async () => {
    connection.destroy('the test is over');
    await soon(() => connection.state).toBe('closed');
  });

  /** Writes to the client, and waits until it has read that much. */
  async function deliver(bytes: Buffer): Promise<void> {
    const mark = talk(connection);
    const id = opened + 2;
    await soon(() => opened).toBe(id);
    peer.write(Buffer.concat([bytes, frame(TYPE.HEADERS, 5, id, OK_BLOCK)]));
    await soon(() => mark.ends.length).toBe(1);
  }

  const ended = async (call: Talk) => {
    await soon(() => call.ends.length).toBe(1);
    return call.ends[0];
  };

  describe('a last message over the limit', () => {
    const tooLarge = { kind: 'too-large', bytes: LIMIT + 1, limit: LIMIT };

    test('in one read, its end in the next, asked for between them', async () => {
      await deliver(data(1, TOO_LARGE));
      first.stream.request(1);
      await deliver(data(1, Buffer.alloc(0), END_STREAM));
      expect(await ended(first)).toEqual(tooLarge);
    });

    test('asked for before, with its end in one frame', async () => {
      first.stream.request(1);
      await deliver(data(1, TOO_LARGE, END_STREAM));
      expect(await ended(first)).toEqual(tooLarge);
    });

    test('asked for after its end', async () => {
      await deliver(data(1, TOO_LARGE, END_STREAM));
      expect(first.ends).toEqual([]);
      first.stream.request(1);
      expect(await ended(first)).toEqual(tooLarge);
    });

    test('behind one that fits, asked for within its callback', async () => {
      first.onMessage = () => first.stream.request(1);
      await deliver(data(1, Buffer.concat([GOOD, TOO_LARGE]), END_STREAM));
      first.stream.request(1);
      expect(await ended(first)).toEqual(tooLarge);
      expect(first.messages).toEqual([LIMIT]);
    });

    // The second call's message has the first one asked for, so that its failure is found in the middle of a read.
    test.each([
      ['the end of the stream', data(1, Buffer.alloc(0), END_STREAM)],
      ['trailers', trailers(1)],
      ['broken trailers', frame(TYPE.HEADERS, 5, 1, literal('Bad', ''))],
      ['another message', data(1, GOOD)],
      ['a reset', frame(TYPE.RST, 0, 1, uint32(2))],
    ])('asked for in the read that brings %s as well', async (_name, behind) => {
      await deliver(data(1, TOO_LARGE));
      second.onMessage = () => first.stream.request(2);
      second.stream.request(1);
      await deliver(Buffer.concat([data(3, GOOD), behind]));
      // node:http2 reads all of a chunk before it reports any of it, so RST_STREAM is first.
      const reset = { kind: 'reset', errorCode: 2 };
      const told = await ended(first);
      if (transport === nodeHttp2Transport && behind[3] === TYPE.RST)
        expect([tooLarge, reset]).toContainEqual(told);
      else expect(told).toEqual(tooLarge);
      expect(first.messages).toEqual([]);
    });

    test('is cancelled before the handler was told', async () => {
      await deliver(data(1, TOO_LARGE));
      first.stream.request(1);
      first.stream.cancel(8);
      expect(await ended(first)).toEqual({ kind: 'cancelled' });
    });
  });

  describe('a last message that fits', () => {
    test.each([
      ['the end of the stream', data(1, Buffer.alloc(0), END_STREAM)],
      ['trailers', trailers(1)],
    ])('asked for in the read that brings %s as well', async (_name, behind) => {
      await deliver(data(1, GOOD));
      second.onMessage = () => first.stream.request(2);
      second.stream.request(1);
      await deliver(Buffer.concat([data(3, GOOD), behind]));
      expect(await ended(first)).toMatchObject({ kind: 'trailers', httpStatus: 200 });
      expect(first.messages).toEqual([LIMIT]);
    });

    test('asked for long after the trailers', async () => {
      await deliver(Buffer.concat([data(1, GOOD), trailers(1)]));
      expect(first.ends).toEqual([]);
      first.stream.request(1);
      expect(await ended(first)).toMatchObject({ kind: 'trailers', headers: ['grpc-status', '0'] });
      expect(first.messages).toEqual([LIMIT]);
    });

    test('never asked for, on a connection that is destroyed', async () => {
      await deliver(Buffer.concat([data(1, GOOD), trailers(1)]));
      connection.destroy('enough');
      expect(await ended(first)).toEqual({ kind: 'connection-lost', reason: 'enough' });
    });

    test('whole before the end, which comes with half of another', async () => {
      await deliver(data(1, GOOD));
      await deliver(data(1, GOOD.subarray(0, 8), END_STREAM));
      first.stream.request(1);
      await soon(() => first.messages.length).toBe(1);
      first.stream.request(1);
      expect(await ended(first)).toMatchObject({ kind: 'protocol-error' });
    });
  });
});
