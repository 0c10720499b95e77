import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import type { Encoding } from '../transport.ts';
import { ZlibJob } from './zlib-job.ts';

/** What podwire can decode, as the header `grpc-accept-encoding` lists it. */
export const ACCEPT_ENCODING = 'identity,deflate,gzip';

/** Compresses one message as `grpc-encoding` says. "deflate" is zlib's format (RFC 1950), as in HTTP. */
export function compress(message: Uint8Array, encoding: Encoding): Uint8Array {
  if (encoding === 'gzip') return gzipSync(message);
  if (encoding === 'deflate') return deflateSync(message);
  return message;
}

/** Zlib reads 64 KiB in a millisecond or two. A larger message is compressed, or inflated, off the event loop. */
const SYNC_BYTES = 64 * 1024;
/** Zlib writes this much in the same time. */
const SYNC_INFLATED_BYTES = 512 * 1024;

/** Whether a message of this length is compressed by a {@link ZlibJob}. */
export function compressesLater(bytes: number): boolean {
  return bytes > SYNC_BYTES;
}

/** The result of decoding a message. */
export type Decoded =
  | { readonly kind: 'message'; readonly message: Uint8Array }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'invalid'; readonly reason: string }
  /** Decoding takes too long for the event loop. */
  | { readonly kind: 'later'; readonly compressed: Uint8Array; readonly encoding: 'gzip' | 'deflate' };

/** The result of reading the bytes that have arrived so far. */
export type ReadResult =
  | { readonly kind: 'message'; readonly message: Uint8Array }
  | { readonly kind: 'too-large'; readonly bytes: number; readonly limit: number }
  | { readonly kind: 'invalid'; readonly reason: string }
  /** A whole message, which is inflated off the event loop. */
  | Extract<Decoded, { readonly kind: 'later' }>;

/** Decodes one message, unless it is large; never produces more than `maxBytes` (-1: no limit). */
export function decompress(message: Uint8Array, encoding: string, maxBytes: number): Decoded {
  if (encoding !== 'gzip' && encoding !== 'deflate') {
    const reason =
      encoding === 'identity'
        ? 'a message is marked as compressed, and grpc-encoding names no compression'
        : `a message is compressed with ${JSON.stringify(encoding)}, which is not supported`;
    return { kind: 'invalid', reason };
  }
  if (message.length > SYNC_BYTES) return { kind: 'later', compressed: message, encoding };
  const isShort = maxBytes >= 0 && maxBytes <= SYNC_INFLATED_BYTES;
  try {
    const inflate = encoding === 'gzip' ? gunzipSync : inflateSync;
    const inflated = inflate(message, {
      maxOutputLength: isShort ? Math.max(maxBytes, 1) : SYNC_INFLATED_BYTES,
    });
    if (maxBytes >= 0 && inflated.length > maxBytes) return { kind: 'too-large' };
    return { kind: 'message', message: inflated };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE')
      return { kind: 'invalid', reason: notCompressed((error as Error).message) };
    return isShort ? { kind: 'too-large' } : { kind: 'later', compressed: message, encoding };
  }
}

function notCompressed(what: string): string {
  return `a message does not decompress: ${what}`;
}

/** Decodes a message that {@link decompress} put off. The compressed bytes must not change until then. */
export function decompressLater(
  { compressed, encoding }: Extract<Decoded, { kind: 'later' }>,
  maxBytes: number,
  done: (decoded: ReadResult) => void,
): ZlibJob {
  return ZlibJob.inflate(compressed, encoding, maxBytes, (outcome) => {
    if (outcome.kind === 'done') done({ kind: 'message', message: outcome.bytes });
    else if (outcome.kind === 'failed') done({ kind: 'invalid', reason: notCompressed(outcome.reason) });
    else done({ kind: 'too-large', bytes: Math.max(compressed.length, maxBytes + 1), limit: maxBytes });
  });
}
