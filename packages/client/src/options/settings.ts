import type { CallCredentials } from '@grpc/grpc-js';
import { createPolicy, type Policy, type SubsetOptions, zoneAware } from '@podwire/balancer';
import {
  boolean,
  checkKeys,
  InvalidInput,
  NOT_SHOWN,
  number,
  oneOf,
  string,
  unknownKey,
} from '@podwire/core';
import { type Transport, USER_AGENT } from '@podwire/http2';
import { parseAddress, type Registry } from '@podwire/registry';
import { headerAttributes } from '../headers/endpoint-headers.ts';
import type { ChannelOptions, HashKeyInfo } from './channel-options.ts';
import { authorityText, headerName, headerText } from './check.ts';
import { grpcOptionNames, isGrpcOption, translateGrpcOptions } from './grpc-options.ts';
import type { HashKeyOption } from './hash-key.ts';
import { MODES, type Mode } from './mode.ts';
import { OwnZone } from './own-zone.ts';
import { parseServiceConfig, type ServiceConfig } from './service-config.ts';
import { parseTls, type TlsSettings } from './tls.ts';
import { parseTransport } from './transport.ts';

/** Checked options with their defaults. */
export interface Settings {
  readonly name: string | undefined;
  readonly policy: Policy;
  readonly zone: OwnZone | undefined;
  readonly hashKey: HashKeyOption | undefined;
  readonly mode: Mode | undefined;
  readonly meshAddress: string | undefined;
  /** As attributes of an endpoint. */
  readonly meshHeaders: Readonly<Record<string, string>>;
  readonly transport: Transport;
  readonly tls: TlsSettings | undefined;
  readonly authority: string | undefined;
  readonly userAgent: string;
  readonly connectTimeoutMs: number;
  readonly maxConnecting: number;
  readonly maxConnectsPerSecond: number;
  readonly backoff: { readonly initialMs: number; readonly maxMs: number; readonly downMs: number };
  readonly keepalive: {
    readonly timeMs: number;
    readonly timeoutMs: number;
    readonly withoutCalls: boolean;
    readonly sparing: boolean;
  };
  readonly maxConnectionsPerPod: number;
  readonly waiting: { readonly maxCalls: number; readonly timeoutMs: number };
  readonly drainMs: number;
  readonly maxReceiveBytes: number;
  readonly maxSendBytes: number;
  readonly maxHeaderBytes: number;
  readonly compression: 'identity' | 'gzip' | 'deflate';
  readonly serviceConfig: ServiceConfig;
  readonly retries: boolean;
  readonly retryBuffer: { readonly perCallBytes: number; readonly perChannelBytes: number };
  readonly subset: SubsetOptions | undefined;
  readonly snapshotDir: string | undefined;
  readonly holdMs: number;
  readonly registries: readonly Registry[];
  readonly callCredentials: CallCredentials | undefined;
  /** The options as they were given, in podwire's words. */
  readonly given: Readonly<Record<string, unknown>>;
}

const KEYS = [
  'name',
  'policy',
  'hashKey',
  'mode',
  'mesh',
  'transport',
  'tls',
  'authority',
  'userAgent',
  'userAgentSuffix',
  'connectTimeoutMs',
  'maxConnecting',
  'maxConnectsPerSecond',
  'backoff',
  'keepalive',
  'maxConnectionsPerPod',
  'waiting',
  'drainMs',
  'maxReceiveBytes',
  'maxSendBytes',
  'maxHeaderBytes',
  'compression',
  'serviceConfig',
  'retries',
  'retryBuffer',
  'zone',
  'subset',
  'snapshotDir',
  'holdMs',
  'registries',
  'callCredentials',
] as const satisfies readonly (keyof ChannelOptions)[];

/** By the name that the option takes. */
const MIB = 1024 * 1024;
/** More than grpc-js takes by default: nine frames of 16 KiB, which Huffman code makes 230 KiB at most of what headers may hold. */
const MAX_HEADER_BYTES = 256 * 1024;

/** Checks a channel's options. Throws `InvalidInput` with the path to the bad value, the value and the rule. */
export function parseOptions(input: unknown, path = 'options'): Settings {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new InvalidInput(path, input, 'must be an object');
  }
  for (const key of Object.keys(input)) {
    const known = isGrpcOption(key) || (KEYS as readonly string[]).includes(key);
    if (!known) throw unknownKey(`${path}.${key}`, key, [...KEYS, ...grpcOptionNames], 'docs/options.md');
  }
  const { values: o, at } = translateGrpcOptions(input as Record<string, unknown>, path);
  const group = (key: string, keys: readonly string[]) =>
    checkKeys(o[key] === undefined ? {} : o[key], keys, at(key));
  const backoff = group('backoff', ['initialMs', 'maxMs', 'downMs']);
  const keepalive = group('keepalive', ['timeMs', 'timeoutMs', 'withoutCalls']);
  const waiting = group('waiting', ['maxCalls', 'timeoutMs']);
  const buffer = group('retryBuffer', ['perCallBytes', 'perChannelBytes']);
  const mesh = group('mesh', ['address', 'headers']);
  const maxAttempts = number(o.maxAttempts, at('maxAttempts'), { default: 5, min: 1 });
  const serviceConfig = parseServiceConfig(
    o.serviceConfig === undefined ? {} : o.serviceConfig,
    at('serviceConfig'),
    maxAttempts,
  );
  const suffix = headerText(o.userAgentSuffix, at('userAgentSuffix'));
  const prefix = headerText(o.userAgent, at('userAgent'));
  const tls = parseTls(withServerName(o.tls, o.sslTargetName, at('sslTargetName')), at('tls'));
  const zone = parseZone(o.zone, at('zone'));
  return {
    name: string(o.name, at('name')),
    zone,
    policy: parsePolicy(o, serviceConfig, path, zone),
    hashKey: parseHashKey(o.hashKey, at('hashKey')),
    mode: oneOf(o.mode, at('mode'), MODES),
    meshAddress: o.mesh === undefined ? undefined : parseMesh(mesh.address, `${at('mesh')}.address`),
    meshHeaders: headerAttributes(mesh.headers, `${at('mesh')}.headers`),
    transport: parseTransport(o.transport === undefined ? 'http2' : o.transport, at('transport')),
    tls,
    authority: authorityText(o.authority, at('authority')),
    userAgent: [prefix, USER_AGENT, suffix].filter((part) => part !== undefined).join(' '),
    connectTimeoutMs: number(o.connectTimeoutMs, at('connectTimeoutMs'), { default: 5_000, min: 1 }),
    maxConnecting: number(o.maxConnecting, at('maxConnecting'), { default: 32, min: 1 }),
    maxConnectsPerSecond: number(o.maxConnectsPerSecond, at('maxConnectsPerSecond'), {
      default: 100,
      min: 1,
    }),
    backoff: parseBackoff(backoff, at),
    keepalive: {
      timeMs: number(keepalive.timeMs, at('keepalive.timeMs'), { default: 10_000, min: 0 }),
      timeoutMs: number(keepalive.timeoutMs, at('keepalive.timeoutMs'), { default: 5_000, min: 1 }),
      withoutCalls: boolean(keepalive.withoutCalls, at('keepalive.withoutCalls'), false),
      // What a user sets is kept, whatever servers take by default.
      sparing: keepalive.timeMs === undefined && keepalive.withoutCalls !== true,
    },
    maxConnectionsPerPod: number(o.maxConnectionsPerPod, at('maxConnectionsPerPod'), {
      default: 2,
      min: 1,
      max: 10,
    }),
    waiting: {
      maxCalls: number(waiting.maxCalls, at('waiting.maxCalls'), { default: 10_000, min: 0 }),
      timeoutMs: number(waiting.timeoutMs, at('waiting.timeoutMs'), { default: 10_000, min: 0 }),
    },
    drainMs: number(o.drainMs, at('drainMs'), { default: 30_000, min: 0 }),
    maxReceiveBytes: number(o.maxReceiveBytes, at('maxReceiveBytes'), { default: 4 * MIB, min: -1 }),
    maxSendBytes: number(o.maxSendBytes, at('maxSendBytes'), { default: -1, min: -1 }),
    maxHeaderBytes: number(o.maxHeaderBytes, at('maxHeaderBytes'), {
      default: MAX_HEADER_BYTES,
      min: 1024,
      max: 16 * MIB,
    }),
    compression:
      oneOf(o.compression, at('compression'), ['identity', 'gzip', 'deflate'] as const) ?? 'identity',
    serviceConfig,
    retries: boolean(o.retries, at('retries'), true),
    retryBuffer: {
      perCallBytes: number(buffer.perCallBytes, at('retryBuffer.perCallBytes'), { default: MIB, min: 0 }),
      perChannelBytes: number(buffer.perChannelBytes, at('retryBuffer.perChannelBytes'), {
        default: 16 * MIB,
        min: 0,
      }),
    },
    subset: parseSubset(o.subset, at('subset')),
    snapshotDir: string(o.snapshotDir, at('snapshotDir')),
    holdMs: number(o.holdMs, at('holdMs'), { default: 60_000, min: 0 }),
    registries: parseRegistries(o.registries, at('registries')),
    callCredentials: parseCallCredentials(o.callCredentials, at('callCredentials'), tls),
    given: o,
  };
}

/** grpc-js's name of the server is for TLS alone, and makes no channel one of TLS. */
function withServerName(tls: unknown, serverName: unknown, path: string): unknown {
  string(serverName, path);
  if (serverName === undefined || tls === undefined || tls === false) return tls;
  return tls === true ? { serverName } : typeof tls === 'object' ? { serverName, ...tls } : tls;
}

function parsePolicy(
  o: Record<string, unknown>,
  config: ServiceConfig,
  path: string,
  zone: OwnZone | undefined,
): Policy {
  const policy = o.policy === undefined ? config.policy : createPolicy(o.policy, `${path}.policy`);
  const chosen = policy ?? createPolicy('least_request');
  // A tree that names its zones itself stays as it is; snapshots have the name that the user wrote.
  const isWrapped = zone !== undefined && chosen.name !== 'zone_aware';
  return isWrapped ? { ...zoneAware(chosen), name: chosen.name } : chosen;
}

function parseZone(value: unknown, path: string): OwnZone | undefined {
  if (typeof value !== 'object' || value === null) {
    const name = string(value, path);
    return name === undefined ? undefined : new OwnZone({ name });
  }
  const { node } = checkKeys(value, ['node'], path);
  // An environment variable that is not set, as outside of a cluster.
  return new OwnZone({ node: node === '' ? undefined : string(node, `${path}.node`) });
}

/** Of the delays, one that is not given yields to those that are. */
function parseBackoff(backoff: Record<string, unknown>, at: (name: string) => string): Settings['backoff'] {
  const maxGiven = number(backoff.maxMs, at('backoff.maxMs'), { default: 0, min: 1 });
  const downGiven = number(backoff.downMs, at('backoff.downMs'), { default: 0, min: 1 });
  const initialMs = number(backoff.initialMs, at('backoff.initialMs'), {
    default: Math.min(100, maxGiven || 100, downGiven || 100),
    min: 1,
  });
  const maxMs = maxGiven || Math.max(10_000, initialMs, downGiven);
  const downMs = downGiven || Math.min(maxMs, Math.max(1_000, initialMs));
  if (initialMs > maxMs)
    throw new InvalidInput(at('backoff.initialMs'), initialMs, `must not be more than maxMs, ${maxMs}`);
  if (downMs < initialMs || downMs > maxMs) {
    const rule = `must not be less than initialMs, ${initialMs}, or more than maxMs, ${maxMs}`;
    throw new InvalidInput(at('backoff.downMs'), downMs, rule);
  }
  return { initialMs, maxMs, downMs };
}

function parseHashKey(value: unknown, path: string): Settings['hashKey'] {
  if (value === undefined) return undefined;
  if (typeof value === 'function') return value as (info: HashKeyInfo) => string | undefined;
  if (typeof value !== 'object' || value === null)
    throw new InvalidInput(path, value, "must be { header: '…' } or a function");
  const header = headerName(checkKeys(value, ['header'], path).header, `${path}.header`);
  if (header === undefined) throw new InvalidInput(`${path}.header`, header, "must be a header's name");
  return { header: header.toLowerCase() };
}

function parseMesh(value: unknown, path: string): string {
  if (typeof value !== 'string')
    throw new InvalidInput(path, value, "must be the service's own address, such as 'orders.prod.svc:80'");
  parseAddress(value, path);
  return value;
}

function parseSubset(value: unknown, path: string): SubsetOptions | undefined {
  if (value === undefined) return undefined;
  const subset = checkKeys(value, ['size', 'client'], path);
  const size = number(subset.size, `${path}.size`, { default: 0, min: 1 });
  if (size === 0) throw new InvalidInput(`${path}.size`, subset.size, 'must be an integer from 1');
  const { client } = subset;
  const valid = typeof client === 'string' ? client !== '' : Number.isInteger(client) && Number(client) >= 0;
  if (!valid)
    throw new InvalidInput(
      `${path}.client`,
      client,
      "must be this client's ordinal (0, 1, …) or a text of its own",
    );
  return { size, client: client as number | string };
}

/** Kept from plaintext here, and not at the first call, because then every call would fail. */
function parseCallCredentials(
  value: unknown,
  path: string,
  tls: TlsSettings | undefined,
): CallCredentials | undefined {
  if (value === undefined) return undefined;
  const { generateMetadata, compose } = Object(value);
  if (typeof generateMetadata !== 'function' || typeof compose !== 'function')
    throw new InvalidInput(
      path,
      NOT_SHOWN,
      'must be call credentials of grpc-js, such as credentials.createFromMetadataGenerator(…) makes',
    );
  if (tls === undefined)
    throw new InvalidInput(path, NOT_SHOWN, 'need the option tls: they are never sent over plaintext');
  return value as CallCredentials;
}

function parseRegistries(value: unknown, path: string): readonly Registry[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new InvalidInput(path, value, 'must be an array of registries');
  for (const [i, registry] of value.entries()) {
    const made = typeof registry?.scheme === 'string' && typeof registry.watch === 'function';
    if (!made)
      throw new InvalidInput(`${path}[${i}]`, registry, 'must be a registry, such as nacos({ … }) returns');
  }
  return value as readonly Registry[];
}
