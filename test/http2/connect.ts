import type { Connection, ConnectionListener, ConnectionOptions, Transport } from '@podwire/http2';

/** A plaintext connection to this machine that pings nobody. */
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
