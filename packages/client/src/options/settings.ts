import type { CallCredentials } from '@grpc/grpc-js';
import {
  createPolicy,
  type OutlierOptions,
  type Policy,
  type SlowStartOptions,
  type SubsetOptions,
  zoneAware,
} from '@podwire/balancer';
import { InvalidInput, NOT_SHOWN, unknownKey } from '@podwire/core';
import { type Transport, USER_AGENT } from '@podwire/http2';
import type { Registry } from '@podwire/registry';
import type { BudgetOptions } from '../retry/budget.ts';
import { grpcOptionNames, isGrpcOption, translateGrpcOptions } from './grpc-options.ts';
import type { HashKeyOption } from './hash-key.ts';
import type { Mode } from './mode.ts';
import { GRPC_ONLY_TABLE, OPTION_TABLE } from './option-table.ts';
import type { OwnZone } from './own-zone.ts';
import { namesIn, parseRows } from './parse-rows.ts';
import type { ServiceConfig } from './service-config.ts';
import type { TlsSettings } from './tls.ts';

/** Checked options with their defaults. */
export interface Settings {
  readonly name: string | undefined;
  readonly policy: Policy;
  readonly zone: OwnZone | undefined;
  readonly hashKey: HashKeyOption | undefined;
  readonly mode: Mode | undefined;
  readonly meshAddress: string | undefined;
  /** The option `mesh.headers`, as attributes of an endpoint. */
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
  readonly outlierDetection: OutlierOptions | undefined;
  readonly suspicion: { readonly minMs: number; readonly timeoutMs: number } | undefined;
  readonly panicThreshold: number;
  readonly waiting: { readonly maxCalls: number; readonly timeoutMs: number };
  readonly drainMs: number;
  readonly limits: { readonly perPod: number; readonly perService: number };
  readonly maxReceiveBytes: number;
  readonly maxSendBytes: number;
  readonly maxHeaderBytes: number;
  readonly compression: 'identity' | 'gzip' | 'deflate';
  /** The service whose health Pods are asked for: the option's name, else the service config's; `false` watches none. */
  readonly health: string | false | undefined;
  readonly serviceConfig: ServiceConfig;
  readonly retries: boolean;
  readonly retryBudget: BudgetOptions | undefined;
  readonly retryBuffer: { readonly perCallBytes: number; readonly perChannelBytes: number };
  readonly slowStart: SlowStartOptions | undefined;
  readonly subset: SubsetOptions | undefined;
  readonly snapshotDir: string | undefined;
  readonly holdMs: number;
  readonly registries: readonly Registry[];
  readonly callCredentials: CallCredentials | undefined;
  /** The options as they were given, in podwire's words. */
  readonly given: Readonly<Record<string, unknown>>;
}

/** Checks a channel's options. Throws `InvalidInput` with the path to the bad value, the value and the rule. */
export function parseOptions(input: unknown, path = 'options'): Settings {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new InvalidInput(path, input, 'must be an object');
  }
  const known = namesIn(OPTION_TABLE, '');
  for (const key of Object.keys(input)) {
    if (isGrpcOption(key) || known.includes(key)) continue;
    throw unknownKey(`${path}.${key}`, key, [...known, ...grpcOptionNames()], 'docs/options.md');
  }
  const { values, at } = translateGrpcOptions(input as Record<string, unknown>, path);
  const grpcOnly = parseRows(GRPC_ONLY_TABLE, values, at);
  const parsed = parseRows(OPTION_TABLE, values, at, grpcOnly);
  const { mesh, userAgent, userAgentSuffix, ...own } = parsed;
  // Refused here, because otherwise every call would fail.
  if (own.callCredentials !== undefined && own.tls === undefined)
    throw new InvalidInput(
      at('callCredentials'),
      NOT_SHOWN,
      'need the option tls: they are never sent over plaintext',
    );
  const { outlierDetection: ejection } = own;
  if (ejection !== undefined && ejection.maxEjectionTimeMs < ejection.baseEjectionTimeMs) {
    const rule = `must not be less than baseEjectionTimeMs, ${ejection.baseEjectionTimeMs}`;
    throw new InvalidInput(at('outlierDetection.maxEjectionTimeMs'), ejection.maxEjectionTimeMs, rule);
  }
  return {
    ...own,
    policy: choosePolicy(own.policy ?? own.serviceConfig.policy, own.zone),
    health: own.health ?? own.serviceConfig.healthService,
    meshAddress: mesh?.address,
    meshHeaders: mesh?.headers ?? {},
    userAgent: [userAgent, USER_AGENT, userAgentSuffix].filter((part) => part !== undefined).join(' '),
    backoff: fitBackoff(own.backoff, Object(values.backoff), at),
    keepalive: { ...own.keepalive, sparing: isSparing(Object(values.keepalive)) },
    given: values,
  };
}

function choosePolicy(given: Policy | undefined, zone: OwnZone | undefined): Policy {
  const chosen = given ?? createPolicy('least_request');
  // A policy that already is `zone_aware` stays as it is. Otherwise snapshots show the name that the user wrote.
  const isWrapped = zone !== undefined && chosen.name !== 'zone_aware';
  return isWrapped ? { ...zoneAware(chosen), name: chosen.name } : chosen;
}

/** Whether to send few PINGs, which servers allow by default. A keepalive that the user sets is kept as it is. */
function isSparing(given: { readonly timeMs?: unknown; readonly withoutCalls?: unknown }): boolean {
  return given.timeMs === undefined && given.withoutCalls !== true;
}

/** Adapts the delays that are not given to those that are. */
function fitBackoff(
  backoff: Settings['backoff'],
  given: { readonly [name in keyof Settings['backoff']]?: unknown },
  at: (name: string) => string,
): Settings['backoff'] {
  let { initialMs, maxMs, downMs } = backoff;
  if (given.initialMs === undefined) initialMs = Math.min(initialMs, maxMs, downMs);
  if (given.maxMs === undefined) maxMs = Math.max(maxMs, initialMs, downMs);
  if (given.downMs === undefined) downMs = Math.min(maxMs, Math.max(downMs, initialMs));
  if (initialMs > maxMs)
    throw new InvalidInput(at('backoff.initialMs'), initialMs, `must not be more than maxMs, ${maxMs}`);
  if (downMs < initialMs || downMs > maxMs) {
    const rule = `must not be less than initialMs, ${initialMs}, or more than maxMs, ${maxMs}`;
    throw new InvalidInput(at('backoff.downMs'), downMs, rule);
  }
  return { initialMs, maxMs, downMs };
}
