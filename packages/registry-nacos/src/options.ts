import {
  type Clock,
  checkKeys,
  InvalidInput,
  number,
  type Random,
  string,
  systemClock,
  systemRandom,
} from '@podwire/core';
import { ownHttp2Transport, type TlsOptions, type Transport } from '@podwire/http2';
import { readServers, type Server } from './server.ts';

/** As podwire's transports take it; `serverName` is by default the server's host. */
export type NacosTls = Omit<TlsOptions, 'serverName'> & Partial<Pick<TlsOptions, 'serverName'>>;

/** How to find and use Nacos. Times in milliseconds. A value that breaks its rule is an `InvalidInput`. */
export interface NacosOptions {
  /**
   * `host` or `host:port` of HTTP, one or more, or a URL as Nacos's own clients take it: `https://` stands for HTTP over TLS,
   * `http://` for plaintext, and a path for {@link contextPath}. Default port 8848. All are servers of one cluster.
   */
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
  /** For a login; needs `password`. Default: none. */
  readonly username?: string;
  /** Never shown in errors. */
  readonly password?: string;
  /** Where Nacos's HTTP interface begins; over gRPC for the login alone. Default `/nacos`. */
  readonly contextPath?: string;
  /** Metadata that holds a Pod's zone. Default `zone`. */
  readonly zoneKey?: string;
  /**
   * The metadata that holds the port of gRPC, where an instance is registered with another port: `gRPC_port` for grpc-spring, which
   * registers the port of HTTP. Of several keys, the first that an instance has counts. An instance without any is used with its own port.
   */
  readonly portKey?: string | readonly string[];
  /** Bounds each request, and half of it connecting. Default 3000, at least 100. */
  readonly requestTimeoutMs?: number;
  /** TLS of gRPC, and of HTTP unless `httpTls` or a server's URL says otherwise. Default plaintext. */
  readonly tls?: NacosTls;
  /**
   * TLS of HTTP: for logins, and for all over protocol `http`. `false` is plaintext, which is what Nacos speaks there when
   * `nacos.remote.server.rpc.tls.enableTls` turns TLS on. Default as `tls`.
   */
  readonly httpTls?: NacosTls | false;
  /** Default podwire's own HTTP/2. */
  readonly transport?: Transport;
  /** Default: the real one. */
  readonly clock?: Clock;
  /** Default: `Math.random`. */
  readonly random?: Random;
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
  readonly zoneKey: string;
  readonly portKeys: readonly string[];
  readonly requestTimeoutMs: number;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether time and transport are the defaults, so that registries with the same settings may share a connection. */
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
  'portKey',
  'requestTimeoutMs',
  'tls',
  'httpTls',
  'transport',
  'clock',
  'random',
];

/** Throws {@link InvalidInput}. */
export function readOptions(options: NacosOptions): Settings {
  checkKeys(options, KEYS, 'options');
  const { clock = systemClock, random = systemRandom, transport = ownHttp2Transport, tls, httpTls } = options;
  const protocol = readProtocol(options.protocol);
  const username = string(options.username, 'options.username');
  // Not read by string(), whose error would show the password.
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
    servers: readServers(options, protocol),
    protocol,
    grpcPortOffset: number(options.grpcPortOffset, 'options.grpcPortOffset', {
      default: 1000,
      min: -65_534,
      max: 65_534,
    }),
    namespace: string(options.namespace, 'options.namespace') ?? 'public',
    group: string(options.group, 'options.group') ?? 'DEFAULT_GROUP',
    clusters: readNames(options, 'clusters'),
    username,
    password,
    zoneKey: string(options.zoneKey, 'options.zoneKey') ?? 'zone',
    portKeys: readNames(options, 'portKey'),
    requestTimeoutMs: number(options.requestTimeoutMs, 'options.requestTimeoutMs', {
      default: 3_000,
      min: 100,
      max: 600_000,
    }),
    transport,
    clock,
    random,
    isShared: [options.clock, options.random, options.transport, tls, httpTls || undefined].every(
      (own) => own === undefined,
    ),
  };
}

function readProtocol(protocol: unknown = 'grpc'): 'grpc' | 'http' {
  if (protocol === 'grpc' || protocol === 'http') return protocol;
  throw new InvalidInput('options.protocol', protocol, "must be 'grpc' or 'http'");
}

function readNames(options: NacosOptions, key: 'clusters' | 'portKey'): readonly string[] {
  const value: unknown = options[key];
  if (value === undefined) return [];
  const names: readonly unknown[] = key === 'portKey' && typeof value === 'string' ? [value] : [value].flat();
  const isRight = typeof value !== 'string' || key === 'portKey';
  if (isRight && names.every((name): name is string => typeof name === 'string' && name !== '')) return names;
  const rule = key === 'portKey' ? 'must be a name, or a list of names' : 'must be a list of names';
  throw new InvalidInput(`options.${key}`, value, rule);
}
