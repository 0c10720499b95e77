import { checkKeys, InvalidInput } from '@podwire/core';
import type { TlsOptions } from '@podwire/http2';
import { parseAddress } from '@podwire/registry';
import type { NacosOptions, NacosTls } from './options.ts';

/** One server of a Nacos cluster. */
export interface Server {
  readonly host: string;
  /** With brackets around IPv6. */
  readonly hostText: string;
  /** Of HTTP. */
  readonly port: number;
  /** Where its HTTP interface begins: `http://nacos:8848/nacos`. */
  readonly httpUrl: string;
  /** Undefined for plaintext. */
  readonly httpTls: TlsOptions | undefined;
  readonly grpcTls: TlsOptions | undefined;
}

/** The default port of HTTP, whatever the scheme, as in Nacos's own clients. */
const DEFAULT_PORT = 8848;
const DEFAULT_PATH = '/nacos';
/** The TLS options that the transport reads. */
const TLS_KEYS = [
  'ca',
  'cert',
  'key',
  'serverName',
  'rejectUnauthorized',
  'secureContext',
  'checkServerIdentity',
] as const satisfies readonly (keyof TlsOptions)[];
const FORM = "must be host, host:port or a URL such as 'http://nacos.example:8848'";

/** Throws {@link InvalidInput}. */
export function readServers(options: NacosOptions, protocol: 'grpc' | 'http'): readonly Server[] {
  const servers: unknown = options.servers;
  if (!Array.isArray(servers) || servers.length === 0) {
    throw new InvalidInput('options.servers', servers, "must be a list such as ['nacos.example:8848']");
  }
  const path = readPath(options.contextPath, 'options.contextPath');
  checkTls(options.tls, 'options.tls');
  if (options.httpTls !== false) checkTls(options.httpTls, 'options.httpTls');
  return servers.map((server: unknown, i) =>
    readServer(server, `options.servers[${i}]`, path, options, protocol),
  );
}

function readServer(
  server: unknown,
  at: string,
  contextPath: string | undefined,
  { tls, httpTls }: NacosOptions,
  protocol: 'grpc' | 'http',
): Server {
  if (typeof server !== 'string') throw new InvalidInput(at, server, FORM);
  if (server.includes(','))
    throw new InvalidInput(at, server, 'must be one server: the list has one for each');
  const [, scheme, address = '', rest = ''] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?([^/?#]*)(.*)$/s.exec(
    server,
  )!;
  const lower = scheme?.toLowerCase();
  if (lower !== undefined && lower !== 'http' && lower !== 'https') {
    throw new InvalidInput(at, server, `${FORM}: gRPC's port is HTTP's plus options.grpcPortOffset`);
  }
  if (address.includes('@')) {
    throw new InvalidInput(at, server, 'must not hold a login: set options.username and options.password');
  }
  if (/[?#]/.test(rest)) throw new InvalidInput(at, server, FORM);
  const ownPath = rest.replace(/\/+$/, '') === '' ? undefined : readPath(rest, at);
  if (ownPath !== undefined && contextPath !== undefined && ownPath !== contextPath) {
    throw new InvalidInput(at, server, `must not have another path than options.contextPath, ${contextPath}`);
  }
  const hasPort = /:\d+$/.test(address) && !/^[^[]*:[^[]*:/.test(address);
  const { host, port } = parseAddress(hasPort ? address : `${address}:${DEFAULT_PORT}`, at);
  const hostText = host.includes(':') ? `[${host}]` : host;
  const secure = tlsOf(lower, at, server, tls, httpTls, protocol);
  const path = ownPath ?? contextPath ?? DEFAULT_PATH;
  const httpUrl = `${secure === undefined ? 'http' : 'https'}://${hostText}:${port}${path}`;
  const named = (given: NacosTls | undefined) => given && { ...given, serverName: given.serverName ?? host };
  return { host, hostText, port, httpUrl, httpTls: named(secure), grpcTls: named(tls) };
}

/** The TLS options of HTTP: by the URL, else by `httpTls`, else those of gRPC. */
function tlsOf(
  scheme: 'http' | 'https' | undefined,
  at: string,
  server: string,
  tls: NacosTls | undefined,
  httpTls: NacosTls | false | undefined,
  protocol: 'grpc' | 'http',
): NacosTls | undefined {
  const given = httpTls === undefined ? tls : httpTls || undefined;
  if (scheme === 'https') {
    if (httpTls === false)
      throw new InvalidInput(at, server, 'must not be https where options.httpTls is false');
    return given ?? {};
  }
  if (scheme === 'http') {
    if (httpTls !== undefined && httpTls !== false) {
      throw new InvalidInput(at, server, 'must be https where options.httpTls is given');
    }
    if (tls !== undefined && protocol === 'http') {
      throw new InvalidInput(at, server, "must be https where options.tls is given and protocol is 'http'");
    }
    return undefined;
  }
  return given;
}

function checkTls(tls: unknown, at: string): void {
  if (tls === undefined) return;
  if (typeof tls === 'object' && tls !== null && !Array.isArray(tls))
    return void checkKeys(tls, TLS_KEYS, at);
  const rule = at === 'options.tls' ? 'must be an object' : 'must be an object, or false for plaintext';
  throw new InvalidInput(at, tls, rule);
}

/** A path that begins with a slash and does not end with one. */
function readPath(path: unknown, at: string): string | undefined {
  if (path === undefined) return undefined;
  if (typeof path !== 'string' || path === '') {
    throw new InvalidInput(at, path, 'must be a string that is not empty');
  }
  if (/[?#\s]/.test(path)) throw new InvalidInput(at, path, "must be a path such as '/nacos'");
  return path.replace(/^\/*(?=.)/, '/').replace(/\/+$/, '');
}
