import { connect as connectTcp, isIP, type NetConnectOpts, type Socket } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { timers } from '@podwire/core';
import { contextOf } from '../tls/context.ts';
import { nodeTls } from '../tls/node-tls.ts';
import { tlsServerName } from '../tls/server-name.ts';
import type { ConnectionOptions, TlsOptions } from '../transport.ts';

/**
 * The destination of a connection, as Node's sockets take it. A socket connects to a plain address on the next tick, which never comes
 * under fake timers (sinon, Jest), but to the result of a lookup at once. So an address gets a lookup there.
 */
function whereTo({ host, port, path }: ConnectionOptions): NetConnectOpts {
  if (path !== undefined) return { path };
  const family = isIP(host);
  if (family === 0 || !timers.isNodeStill) return { host, port };
  return { host: 'pod', port, family, lookup: (_host, _options, found) => found(null, host, family) };
}

/** The other end as people read it: `host:port`, or `unix:path`. */
export function addressOf({ host, port, path }: ConnectionOptions): string {
  if (path !== undefined) return path.startsWith('\0') ? `unix-abstract:${path.slice(1)}` : `unix:${path}`;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * Starts a connection of TCP or over a Unix domain socket, or TLS with ALPN `h2`, unless the env makes sockets itself. It does not keep
 * the process alive.
 */
export function dial(options: ConnectionOptions): Socket {
  const { tls, env } = options;
  if (env?.connect !== undefined) return env.connect(options);
  const where = whereTo(options);
  const socket = tls === undefined ? connectTcp({ ...where, noDelay: true }) : dialTls(where, tls);
  socket.setNoDelay(true);
  socket.unref();
  return socket;
}

/** The same in plaintext, with reads into the caller's buffer: `onRead` gets the count of bytes, which lie there until it returns. */
export function dialReading(
  options: ConnectionOptions,
  buffer: Buffer,
  onRead: (count: number) => void,
): Socket {
  const callback = (count: number) => {
    onRead(count);
    return true;
  };
  const socket = connectTcp({ ...whereTo(options), noDelay: true, onread: { buffer, callback } });
  socket.unref();
  return socket;
}

function dialTls(where: NetConnectOpts, tls: TlsOptions): Socket {
  const name = tlsServerName(tls.serverName);
  const check = tls.checkServerIdentity ?? nodeTls().checkServerIdentity;
  return nodeTls().connect({
    ...where,
    ALPNProtocols: ['h2'],
    // RFC 6066 §3: no IP address in SNI; the certificate is checked against it all the same.
    servername: isIP(name) === 0 ? name : '',
    checkServerIdentity: (_host, certificate) => checked(check, name, certificate),
    secureContext: contextOf(tls),
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
  });
}

/** A user's check of a certificate, made safe: an error that it throws would end the process, and a promise would count as a refusal. */
function checked(
  check: NonNullable<TlsOptions['checkServerIdentity']>,
  name: string,
  certificate: PeerCertificate,
): Error | undefined {
  try {
    const refusal: unknown = check(name, certificate);
    if (refusal === undefined || refusal === null) return undefined;
    if (refusal instanceof Error || Object.prototype.toString.call(refusal) === '[object Error]')
      return refusal as Error;
    return new Error(`checkServerIdentity returned ${typeof refusal}: it must return an Error or nothing`);
  } catch (error) {
    return error instanceof Error ? error : new Error(`checkServerIdentity threw ${String(error)}`);
  }
}
