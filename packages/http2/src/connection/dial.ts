import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { contextOf } from '../tls/context.ts';
import { nodeTls } from '../tls/node-tls.ts';
import { tlsServerName } from '../tls/server-name.ts';
import type { ConnectionOptions, TlsOptions } from '../transport.ts';

/** Starts a connection of TCP, or TLS with ALPN `h2`. It does not keep the process alive. */
export function dial(options: ConnectionOptions): Socket {
  const { host, port, tls } = options;
  const socket = tls === undefined ? connectTcp({ host, port, noDelay: true }) : dialTls(host, port, tls);
  socket.setNoDelay(true);
  socket.unref();
  return socket;
}

function dialTls(host: string, port: number, tls: TlsOptions): Socket {
  const name = tlsServerName(tls.serverName);
  const check = tls.checkServerIdentity ?? nodeTls().checkServerIdentity;
  return nodeTls().connect({
    host,
    port,
    ALPNProtocols: ['h2'],
    // RFC 6066 §3: no IP address in SNI; the certificate is checked against it all the same.
    servername: isIP(name) === 0 ? name : '',
    checkServerIdentity: (_host, certificate) => check(name, certificate),
    secureContext: contextOf(tls),
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
  });
}
