import { NOT_HTTP2 } from '../connection/explain.ts';
import { MAX_FRAME_BYTES } from './frames/frame.ts';

/** Content type and major version of a TLS alert (RFC 8446 §5.1), with which a TLS server answers our preface. */
const [ALERT, TLS_MAJOR] = [0x15, 0x03];

/** Why the first bytes of an answer are not HTTP/2's; undefined where they may be. */
export function notHttp2(source: Buffer, end: number): string | undefined {
  if (end >= 2 && source[0] === ALERT && source[1] === TLS_MAJOR)
    return 'an answer in TLS; the port speaks TLS: set the option tls';
  if (source.toString('latin1', 0, Math.min(end, 7)) === 'HTTP/1.')
    return `an answer in HTTP/1; ${NOT_HTTP2}`;
  const isFrame = end < 3 || source.readUIntBE(0, 3) <= MAX_FRAME_BYTES;
  return isFrame ? undefined : `an answer that begins with no frame; ${NOT_HTTP2}`;
}
