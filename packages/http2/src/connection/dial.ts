import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { contextOf } from '../tls/context.ts';
import { nodeTls } from '../tls/node-tls.ts';
import type { ConnectionOptions } from '../transport.ts';

/** Starts a connection of TCP, or TLS with ALPN `h2`. It does not keep the process alive. */
export function dial(options: ConnectionOptions): Socket {
  const { host, port, tls } = options;
  const socket =
    tls === undefined
      ? connectTcp({ host, port, noDelay: true })
      : nodeTls().connect({
          host,
          port,
          ALPNProtocols: ['h2'],
          // RFC 6066 §3: no IP address in SNI; the certificate is checked against it all the same.
          ...(isIP(tls.serverName) === 0 ? { servername: tls.serverName } : { servername: '' }),
          checkServerIdentity: (_host, certificate) =>
            (tls.checkServerIdentity ?? nodeTls().checkServerIdentity)(tls.serverName, certificate),
          secureContext: contextOf(tls),
          rejectUnauthorized: tls.rejectUnauthorized ?? true,
        });
  socket.setNoDelay(true);
  socket.unref();
  return socket;
}
