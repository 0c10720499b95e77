import {
  type Connection,
  type ConnectionListener,
  type ConnectionOptions,
  closeText,
  type StreamEnd,
  type Transport,
} from '@podwire/http2';

/** A plaintext connection to this machine that sends no PINGs. */
export function connect(
  transport: Transport,
  port: number,
  options: Partial<ConnectionOptions> = {},
  listener: Partial<ConnectionListener> = {},
): Connection {
  return transport.connect(
    {
      host: '127.0.0.1',
      port,
      tls: undefined,
      connectTimeoutMs: 5_000,
      keepaliveTimeMs: 0,
      keepaliveTimeoutMs: 100,
      keepaliveWithoutCalls: false,
      maxHeaderListBytes: 16_384,
      ...options,
    },
    { onReady() {}, onDraining() {}, onRoom() {}, onClosed() {}, ...listener },
  );
}

/** The end of a stream with its cause as people read it. */
export function inWords(end: StreamEnd): object {
  if (end.kind !== 'connection-lost' && end.kind !== 'unprocessed') return end;
  const { kind, cause, ...rest } = end;
  return { kind, reason: closeText(cause), ...rest };
}
