import type { World } from '../connection/env.ts';
import type { Peer, Stream, StreamEnd, StreamHandler } from '../transport.ts';

/** Stands for a stream whose headers node:http2 refuses, for example a header given twice that it sends only once. */
export function unsentStream(
  error: Error,
  peer: Peer,
  handler: StreamHandler,
  nextTick: World['nextTick'],
): Stream {
  let end: StreamEnd = {
    kind: 'protocol-error',
    reason: `node:http2 cannot send this call: ${error.message}`,
  };
  nextTick(() => handler.onEnd(end));
  return {
    peer,
    sentBytes: 0,
    receivedBytes: 0,
    sendMessage(_message, _compressed, _last, done) {
      if (done !== undefined) nextTick(done);
    },
    halfClose() {},
    request() {},
    cancel() {
      end = { kind: 'cancelled' };
    },
  };
}
