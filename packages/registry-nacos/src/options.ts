import { ownHttp2Transport, type TlsOptions, type Transport } from '@podwire/http2';
import {
  type Clock,
  checkKeys,
  InvalidInput,
  parseAddress,
  type Random,
  systemClock,
  systemRandom,
} from '@podwire/registry';

export interface NacosOptions {
  /** `host` or `host:port` of HTTP, one or more. Default port 8848. They are one cluster: any of them will do. */
  readonly servers: readonly string[];
  /**
   * `grpc` is for Nacos 2.0 and later. `http` is for Nacos 1.x, and for servers of which only HTTP's port is open; it needs
   * the package `nacos` 2.6.3 to be installed. Default `grpc`.
   */
  readonly protocol?: 'grpc' | 'http';
  /** gRPC's port minus HTTP's. Default 1000, as Nacos has it. */
  readonly grpcPortOffset?: number;
  /** The namespace (its id) of targets that name none. Default `public`. */
  readonly namespace?: string;
  /** The group of targets that name none. Default `DEFAULT_GROUP`. */
  readonly group?: string;
  /** The Nacos clusters of targets that name none. Default all. */
  readonly clusters?: readonly string[];
  readonly username?: string;
  readonly password?: string;
  /** Where Nacos's HTTP interface begins; over gRPC for the login alone. Default `/nacos`. */
  readonly contextPath?: string;
  /** Metadata that holds a Pod's zone. Default `zone`. */
  readonly zoneKey?: string;
  /** Bounds each request, and half of it connecting. Default 3000, at least 100. */
  readonly requestTimeoutMs?: number;
  /** For servers that want TLS, on gRPC and for the login. Default plaintext. */
  readonly tls?: TlsOptions;
  /** Default podwire's own HTTP/2. */
  readonly transport?: Transport;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface Server {
  readonly host: string;
  /** With brackets around IPv6. */
  readonly hostText: string;
  readonly port: number;
}

export interface Settings {
  readonly servers: readonly Server[];
  readonly protocol: 'grpc' | 'http';
  readonly grpcPortOffset: number;
  readonly namespace: string;
  readonly group: string;
  readonly clusters: readonly string[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly contextPath: string;
  readonly zoneKey: string;
  readonly requestTimeoutMs: number;
  readonly tls: TlsOptions | undefined;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether time and transport are the usual ones, so that all with the same settings may share a connection. */
  readonly isShared: boolean;
}

const KEYS = [
  'servers',
  'protocol',
  'grpcPortOffset',
  'namespace',
  'group',
  'clusters',
  'username',
  'password',
  'contextPath',
  'zoneKey',
  'requestTimeoutMs',
  'tls',
  'transport',
  'clock',
  'random',
];
const DEFAULT_PORT = 8848;

/** Throws {@link InvalidInput}. */
export function readOptions(options: NacosOptions): Settings {
  checkKeys(options, KEYS, 'options');
  const { clock = systemClock, random = systemRandom, transport = ownHttp2Transport, tls } = options;
  const username = text(options, 'username');
  // Not by text(): an error would show it.
  const password: unknown = options.password;
  if (password !== undefined && typeof password !== 'string') {
    throw new InvalidInput('options.password', typeof password, 'must be a string');
  }
  if ((username === undefined) !== (password === undefined)) {
    const missing = username === undefined ? 'username' : 'password';
    throw new InvalidInput(
      `options.${missing}`,
      undefined,
      'must be given: a login needs username and password',
    );
  }
  return {
    servers: readServers(options.servers),
    protocol: readProtocol(options.protocol),
    grpcPortOffset: integer(options, 'grpcPortOffset', 1000, -65_534, 65_534),
    namespace: text(options, 'namespace') ?? 'public',
    group: text(options, 'group') ?? 'DEFAULT_GROUP',
    clusters: readClusters(options.clusters),
    username,
    password,
    contextPath: (text(options, 'contextPath') ?? '/nacos').replace(/^\/*(?=.)/, '/').replace(/\/+$/, ''),
    zoneKey: text(options, 'zoneKey') ?? 'zone',
    requestTimeoutMs: integer(options, 'requestTimeoutMs', 3_000, 100, 600_000),
    tls,
    transport,
    clock,
    random,
    isShared: [options.clock, options.random, options.transport, tls].every((own) => own === undefined),
  };
}

function readServers(servers: unknown): readonly Server[] {
  if (!Array.isArray(servers) || servers.length === 0) {
    throw new InvalidInput('options.servers', servers, "must be a list such as ['nacos.example:8848']");
  }
  return servers.map((server: unknown, i) => {
    const path = `options.servers[${i}]`;
    if (typeof server !== 'string') throw new InvalidInput(path, server, 'must be host or host:port');
    const whole =
      /:\d+$/.test(server) && !/^[^[]*:[^[]*:/.test(server) ? server : `${server}:${DEFAULT_PORT}`;
    const { host, port } = parseAddress(whole, path);
    return { host, hostText: host.includes(':') ? `[${host}]` : host, port };
  });
}

function readProtocol(protocol: unknown = 'grpc'): 'grpc' | 'http' {
  if (protocol === 'grpc' || protocol === 'http') return protocol;
  throw new InvalidInput('options.protocol', protocol, "must be 'grpc' or 'http'");
}

function readClusters(clusters: unknown): readonly string[] {
  if (clusters === undefined) return [];
  if (Array.isArray(clusters) && clusters.every((name) => typeof name === 'string' && name !== ''))
    return clusters;
  throw new InvalidInput('options.clusters', clusters, 'must be a list of names');
}

function text(
  options: NacosOptions,
  key: 'namespace' | 'group' | 'username' | 'contextPath' | 'zoneKey',
): string | undefined {
  const value: unknown = options[key];
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw new InvalidInput(`options.${key}`, value, 'must be a string that is not empty');
}

function integer(
  options: NacosOptions,
  key: 'grpcPortOffset' | 'requestTimeoutMs',
  byDefault: number,
  least: number,
  most: number,
): number {
  const value: unknown = options[key] ?? byDefault;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new InvalidInput(`options.${key}`, value, `must be an integer from ${least} to ${most}`);
}
