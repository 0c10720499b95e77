import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import type { Encoding } from '../transport.ts';

/** What podwire can decode, as the header `grpc-accept-encoding` lists it. */
export const ACCEPT_ENCODING = 'identity,deflate,gzip';

/** One message, encoded as `grpc-encoding` will say. "deflate" is zlib's format (RFC 1950), as in HTTP. */
export function compress(message: Uint8Array, encoding: Encoding): Uint8Array {
  if (encoding === 'gzip') return gzipSync(message);
  if (encoding === 'deflate') return deflateSync(message);
  return message;
}

/** What came of decoding a message. */
export type Decoded =
  | { readonly kind: 'message'; readonly message: Uint8Array }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'invalid'; readonly reason: string };

/** Decodes one message; never makes more than `maxBytes` of it (-1: no limit). */
export function decompress(message: Uint8Array, encoding: string, maxBytes: number): Decoded {
  const inflate = encoding === 'gzip' ? gunzipSync : encoding === 'deflate' ? inflateSync : undefined;
  if (inflate === undefined) {
    const reason =
      encoding === 'identity'
        ? 'a message is marked as compressed, and grpc-encoding names no compression'
        : `a message is compressed with ${JSON.stringify(encoding)}, which is not supported`;
    return { kind: 'invalid', reason };
  }
  try {
    const options = maxBytes < 0 ? {} : { maxOutputLength: Math.max(maxBytes, 1) };
    const inflated = inflate(message, options);
    if (maxBytes >= 0 && inflated.length > maxBytes) return { kind: 'too-large' };
    return { kind: 'message', message: inflated };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return { kind: 'too-large' };
    return { kind: 'invalid', reason: `a message does not decompress: ${(error as Error).message}` };
  }
}
