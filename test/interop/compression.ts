import type { ChannelOptions } from 'podwire';
import { expect } from 'vitest';
import { call, collect, type InteropClient, interopClient, type Reply } from './client.ts';
import { zeros } from './payloads.ts';
import type { InteropCase, InteropPeer } from './peer.ts';
import { type CountingProxy, countingProxy } from './wire.ts';

const REQUEST_BYTES = 271_828;
const RESPONSE_BYTES = 314_159;
const request = { responseSize: RESPONSE_BYTES, payload: zeros(REQUEST_BYTES) };
/** A message of zeros shrinks far more; the rest of a small call is less. */
const COMPRESSED_BYTES = 20_000;
/** How grpc-js says that a message of a stream is not to be compressed: WriteFlags.NoCompress in the place of an encoding. */
const NO_COMPRESS = 2 as unknown as BufferEncoding;

/** Runs `work` with a client whose bytes are counted. */
async function counted(
  { address, open }: InteropPeer,
  options: ChannelOptions,
  work: (client: InteropClient, wire: CountingProxy) => Promise<void>,
): Promise<void> {
  const wire = await countingProxy(address);
  const channel = open(options, [wire.address]);
  try {
    await work(interopClient(channel), wire);
  } finally {
    await channel.close({ graceMs: 0 });
    await wire.close();
  }
}

function streamed(client: InteropClient, compressed: boolean, expectCompressed: boolean, second?: number) {
  return new Promise<number>((resolve, reject) => {
    const stream = client.streamingInputCall((error, reply) =>
      error === null ? resolve(reply!.aggregatedPayloadSize) : reject(error),
    );
    const first = { payload: zeros(27_182), expectCompressed: { value: expectCompressed } };
    if (compressed) stream.write(first);
    else stream.write(first, NO_COMPRESS);
    if (second !== undefined)
      stream.write({ payload: zeros(second), expectCompressed: { value: false } }, NO_COMPRESS);
    stream.end();
  });
}

/** The cases with compression, and what of them a server shows that does not look at `expect_compressed`. */
export const compressionCases: Readonly<Record<string, InteropCase>> = {
  async client_compressed_unary(peer) {
    const probe = call(peer.client, 'unaryCall', { ...request, expectCompressed: { value: true } });
    await expect(probe).rejects.toMatchObject({ code: 3 });
    await compressionCases.gzip_requests!(peer);
  },

  async client_compressed_streaming(peer) {
    await expect(streamed(peer.client, false, true)).rejects.toMatchObject({ code: 3 });
    await compressionCases.gzip_request_streams!(peer);
  },

  async server_compressed_unary(peer) {
    for (const value of [true, false]) {
      await counted(peer, {}, async (client, wire) => {
        const reply = await call<Reply>(client, 'unaryCall', { ...request, responseCompressed: { value } });
        expect(reply.payload.body.equals(Buffer.alloc(RESPONSE_BYTES))).toBe(true);
        expect(wire.bytesFromServer < COMPRESSED_BYTES).toBe(value);
      });
    }
  },

  async server_compressed_streaming(peer) {
    await counted(peer, {}, async (client, wire) => {
      const responseParameters = [
        { size: 31_415, compressed: { value: true } },
        { size: 92_653, compressed: { value: false } },
      ];
      const { sizes, status } = await collect(client.streamingOutputCall({ responseParameters }));
      expect([sizes, status.code]).toEqual([[31_415, 92_653], 0]);
      expect(wire.bytesFromServer).toBeGreaterThan(92_653);
      expect(wire.bytesFromServer).toBeLessThan(92_653 + COMPRESSED_BYTES);
    });
  },

  /** client_compressed_unary without its probe: the server inflates what the wire carries compressed. */
  async gzip_requests(peer) {
    for (const compression of ['gzip', 'identity'] as const) {
      await counted(peer, { compression }, async (client, wire) => {
        const expectCompressed = { value: compression === 'gzip' };
        const reply = await call<Reply>(client, 'unaryCall', { ...request, expectCompressed });
        expect(reply.payload.body.equals(Buffer.alloc(RESPONSE_BYTES))).toBe(true);
        expect(wire.bytesFromClient < COMPRESSED_BYTES).toBe(compression === 'gzip');
      });
    }
  },

  /** client_compressed_streaming without its probe: a compressed and a plain message in one stream. */
  async gzip_request_streams(peer) {
    await counted(peer, { compression: 'gzip' }, async (client, wire) => {
      expect(await streamed(client, true, true, 45_904)).toBe(73_086);
      expect(wire.bytesFromClient).toBeGreaterThan(45_904);
      expect(wire.bytesFromClient).toBeLessThan(45_904 + COMPRESSED_BYTES);
    });
  },
};
