import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type PeerCertificate, checkServerIdentity as tlsIdentity } from 'node:tls';
import { type TlsOptions, tlsServerName } from '@podwire/http2';
import { isIP } from '../node-net.ts';

/** The most bytes of a login's answer. */
const MAX_BODY_BYTES = 64 * 1024;

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** It must hold no secret, because servers and proxies log it. */
  readonly url: URL;
  /** Posted in the body. */
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly tls: TlsOptions | undefined;
  /** Default 64 KiB. */
  readonly maxBodyBytes?: number;
  /** Whether the process may end before the answer. Default false. */
  readonly isIdle?: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** This process's address on the connection. */
  readonly localAddress: string | undefined;
}

/** What to do about a port that has TLS and was asked in plaintext. */
export const WANTS_TLS =
  "the port speaks TLS, and was asked in plaintext: set options.httpTls, or write 'https://' before the server";

/** Whether an answer in plaintext says that the port speaks TLS, as Tomcat, nginx, Jetty and Go do. */
export function wantsTls(status: number, body: string): boolean {
  return status === 400 && /\b(TLS|HTTPS|SSL)\b/i.test(body);
}

/** What kind of server answered, in a few words. */
function explain({ code, name, message }: NodeJS.ErrnoException, isTls: boolean): string {
  const said = code ?? (name === 'Error' ? message : name);
  if (
    isTls &&
    (code === 'EPROTO' ||
      code === 'ERR_SSL_WRONG_VERSION_NUMBER' ||
      code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
  ) {
    return `${said}: the port answers in plaintext, and was asked over TLS; Nacos's own TLS is for gRPC alone: set options.httpTls to false, or write 'http://' before the server`;
  }
  if (!isTls && code?.startsWith('HPE_')) {
    return `${said}: what answers is not HTTP in plaintext: is it TLS (options.httpTls), or gRPC's port?`;
  }
  if (!isTls && code === 'ECONNRESET')
    return `${said}: the port took the connection and gave no answer; does it want TLS (options.httpTls)?`;
  return said;
}

function secureOptions({ serverName, ca, checkServerIdentity = tlsIdentity, ...rest }: TlsOptions) {
  const name = tlsServerName(serverName);
  return {
    ...rest,
    // RFC 6066 §3: no IP address in SNI; the certificate is checked against it all the same.
    servername: isIP(name) === 0 ? name : '',
    checkServerIdentity: (host: string, certificate: PeerCertificate) =>
      checkServerIdentity(name === '' ? host : name, certificate),
    ...(ca === undefined ? {} : { ca: [ca].flat() as string[] }),
  };
}

/** One request on a connection of its own. Rejects with a reason of a few words, which names neither URL nor secrets. */
export function sendHttp({ method, url, form, timeoutMs, tls, ...more }: HttpRequest): Promise<HttpAnswer> {
  const { maxBodyBytes = MAX_BODY_BYTES, isIdle = false } = more;
  const body = form === undefined ? '' : new URLSearchParams(form).toString();
  const formHeaders = {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': Buffer.byteLength(body),
  };
  const headers = { ...more.headers, ...(form === undefined ? {} : formHeaders) };
  const signal = AbortSignal.timeout(timeoutMs);
  const options = { method, headers, agent: false, signal } as const;
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => {
      if (signal.aborted) reject(new Error(`no answer in ${timeoutMs} ms`));
      else reject(new Error(explain(error, tls !== undefined)));
    };
    const sent =
      tls === undefined
        ? httpRequest(url, options)
        : httpsRequest(url, { ...secureOptions(tls), ...options });
    if (isIdle) sent.on('socket', (socket) => socket.unref());
    sent.on('response', (response) => {
      const { localAddress } = response.socket;
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > maxBodyBytes) response.destroy(new Error(`the answer has over ${maxBodyBytes} bytes`));
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString(), localAddress }),
      );
      response.on('error', fail);
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // Nacos 2.3 answers a wrong password with `HTTP/1.1 0`, which is not HTTP.
      if (error.code === 'HPE_INVALID_STATUS') resolve({ status: 403, body: '', localAddress: undefined });
      else fail(error);
    });
    sent.end(body);
  });
}
