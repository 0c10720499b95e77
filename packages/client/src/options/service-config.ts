import { status as Status } from '@grpc/grpc-js';
import { createPolicy, type Policy, policyNames } from '@podwire/balancer';
import { boolean, checkKeys, InvalidInput, number, parseDuration } from '@podwire/core';
import type { HedgingPolicy, RetryPolicy } from '../retry/policy.ts';
import type { ThrottleOptions } from '../retry/throttle.ts';
import { fromGrpcJs, withFinalName } from './grpc-js-policy.ts';
import type { MethodConfig } from './method-config.ts';

/**
 * A gRPC service config as podwire uses it
 * (https://github.com/grpc/grpc/blob/master/doc/service_config.md, gRFC A6).
 */
export interface ServiceConfig {
  /** The first policy of `loadBalancingConfig` that podwire knows. */
  readonly policy: Policy | undefined;
  readonly throttle: ThrottleOptions | undefined;
  /** Whether any method has a retry or hedging policy. */
  readonly hasRetries: boolean;
  /** `healthCheckConfig.serviceName` (gRFC A17): the service whose health Pods are asked for; `''` is the whole server. */
  readonly healthService: string | undefined;
  /** The config of a method by `/package.Service/Method`: its own, its service's, or the default one. */
  methodConfig(path: string): MethodConfig;
}

const KEYS = [
  'loadBalancingConfig',
  'loadBalancingPolicy',
  'methodConfig',
  'retryThrottling',
  'healthCheckConfig',
];
const METHOD_KEYS = [
  'name',
  'waitForReady',
  'timeout',
  'maxRequestMessageBytes',
  'maxResponseMessageBytes',
  'retryPolicy',
  'hedgingPolicy',
];
/**
 * Reads a service config from an object or JSON text. Throws {@link InvalidInput} with the path to the bad value. A policy that asks for
 * more attempts gets `maxAttempts`: 5 by gRFC A6.
 */
export function parseServiceConfig(input: unknown, path = 'serviceConfig', maxAttempts = 5): ServiceConfig {
  const config = checkKeys(typeof input === 'string' ? parseJson(input, path) : input, KEYS, path);
  const byName = new Map<string, MethodConfig>();
  for (const [i, entry] of list(config.methodConfig, `${path}.methodConfig`).entries()) {
    const at = `${path}.methodConfig[${i}]`;
    const method = parseMethod(entry, at, maxAttempts);
    for (const name of parseNames(entry, at)) {
      if (byName.has(name)) throw new InvalidInput(`${at}.name`, name, 'is configured twice');
      byName.set(name, method);
    }
  }
  return {
    policy: parsePolicy(config, path),
    throttle: parseThrottle(config.retryThrottling, `${path}.retryThrottling`),
    healthService: parseHealth(config.healthCheckConfig, `${path}.healthCheckConfig`),
    hasRetries: [...byName.values()].some(
      ({ retry, hedging }) => retry !== undefined || hedging !== undefined,
    ),
    methodConfig: (method) =>
      byName.get(method) ?? byName.get(method.slice(0, method.lastIndexOf('/') + 1)) ?? byName.get('') ?? {},
  };
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidInput(path, text, `is not JSON: ${(error as Error).message}`);
  }
}

function list(value: unknown, path: string): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw new InvalidInput(path, value, 'must be an array');
}

function parsePolicy(config: Record<string, unknown>, path: string): Policy | undefined {
  const at = `${path}.loadBalancingConfig`;
  const configs = list(config.loadBalancingConfig, at).map(withFinalName);
  // The first known policy counts, so that a config may name newer policies before those that all clients know.
  const known = configs.findIndex((entry) => policyNames.some((name) => Object.hasOwn(Object(entry), name)));
  if (known >= 0) return createPolicy(fromGrpcJs(configs[known]), `${at}[${known}]`);
  if (configs.length > 0) throw new InvalidInput(at, configs, `must hold one of: ${policyNames.join(', ')}`);
  if (config.loadBalancingPolicy === undefined) return undefined;
  const old = String(config.loadBalancingPolicy).toLowerCase();
  return createPolicy(old, `${path}.loadBalancingPolicy`);
}

function parseThrottle(input: unknown, path: string): ThrottleOptions | undefined {
  if (input === undefined) return undefined;
  const throttle = checkKeys(input, ['maxTokens', 'tokenRatio'], path);
  return {
    maxTokens: number(throttle.maxTokens, `${path}.maxTokens`, { default: 10, min: 1, max: 1_000 }),
    tokenRatio: number(throttle.tokenRatio, `${path}.tokenRatio`, {
      default: 0.1,
      min: 0.001,
      integer: false,
    }),
  };
}

function parseHealth(input: unknown, path: string): string | undefined {
  if (input === undefined) return undefined;
  const { serviceName } = checkKeys(input, ['serviceName'], path);
  // Without a name, gRPC's C++ and Java clients watch nothing.
  if (serviceName === undefined || typeof serviceName === 'string') return serviceName;
  throw new InvalidInput(
    `${path}.serviceName`,
    serviceName,
    "must be a service's name, such as 'shop.Orders'",
  );
}

function parseNames(entry: unknown, path: string): string[] {
  const names = list((entry as { name?: unknown }).name, `${path}.name`);
  if (names.length === 0)
    throw new InvalidInput(`${path}.name`, names, 'must name at least one method or service');
  return names.map((input, i) => {
    const at = `${path}.name[${i}]`;
    const { service = '', method = '' } = checkKeys(input, ['service', 'method'], at);
    if (typeof service !== 'string' || service.includes('/'))
      throw new InvalidInput(`${at}.service`, service, "must be a service's name, such as 'shop.Orders'");
    if (typeof method !== 'string' || method.includes('/'))
      throw new InvalidInput(`${at}.method`, method, "must be a method's name, such as 'Get'");
    if (service === '' && method !== '') throw new InvalidInput(`${at}.method`, method, 'needs a service');
    return service === '' ? '' : `/${service}/${method}`;
  });
}

function parseMethod(input: unknown, path: string, maxAttempts: number): MethodConfig {
  const config = checkKeys(input, METHOD_KEYS, path);
  if (config.retryPolicy !== undefined && config.hedgingPolicy !== undefined) {
    throw new InvalidInput(
      `${path}.hedgingPolicy`,
      config.hedgingPolicy,
      'must not stand beside a retryPolicy',
    );
  }
  return {
    ...(config.timeout !== undefined && { timeoutMs: parseDuration(config.timeout, `${path}.timeout`) }),
    ...(config.waitForReady !== undefined && {
      waitForReady: boolean(config.waitForReady, `${path}.waitForReady`, false),
    }),
    ...bytes(config.maxRequestMessageBytes, 'maxSendBytes', `${path}.maxRequestMessageBytes`),
    ...bytes(config.maxResponseMessageBytes, 'maxReceiveBytes', `${path}.maxResponseMessageBytes`),
    ...(config.retryPolicy !== undefined && {
      retry: parseRetry(config.retryPolicy, `${path}.retryPolicy`, maxAttempts),
    }),
    ...(config.hedgingPolicy !== undefined && {
      hedging: parseHedging(config.hedgingPolicy, `${path}.hedgingPolicy`, maxAttempts),
    }),
  };
}

function bytes(value: unknown, key: 'maxSendBytes' | 'maxReceiveBytes', path: string): MethodConfig {
  return value === undefined ? {} : { [key]: number(value, path, { default: -1, min: 0 }) };
}

function parseRetry(input: unknown, path: string, maxAttempts: number): RetryPolicy {
  const keys = ['maxAttempts', 'initialBackoff', 'maxBackoff', 'backoffMultiplier', 'retryableStatusCodes'];
  const policy = checkKeys(input, keys, path);
  const codes = parseCodes(policy.retryableStatusCodes, `${path}.retryableStatusCodes`);
  if (codes.size === 0) {
    throw new InvalidInput(
      `${path}.retryableStatusCodes`,
      policy.retryableStatusCodes,
      'must name at least one code',
    );
  }
  return {
    maxAttempts: attempts(policy.maxAttempts, `${path}.maxAttempts`, maxAttempts),
    initialBackoffMs: parseDuration(policy.initialBackoff, `${path}.initialBackoff`),
    maxBackoffMs: parseDuration(policy.maxBackoff, `${path}.maxBackoff`),
    backoffMultiplier: number(policy.backoffMultiplier, `${path}.backoffMultiplier`, {
      default: 1,
      min: 0.001,
      integer: false,
    }),
    retryableStatusCodes: codes,
  };
}

function parseHedging(input: unknown, path: string, maxAttempts: number): HedgingPolicy {
  const policy = checkKeys(input, ['maxAttempts', 'hedgingDelay', 'nonFatalStatusCodes'], path);
  const delay = policy.hedgingDelay;
  return {
    maxAttempts: attempts(policy.maxAttempts, `${path}.maxAttempts`, maxAttempts),
    hedgingDelayMs: delay === undefined ? 0 : parseDuration(delay, `${path}.hedgingDelay`),
    nonFatalStatusCodes: parseCodes(policy.nonFatalStatusCodes, `${path}.nonFatalStatusCodes`),
  };
}

function attempts(value: unknown, path: string, most: number): number {
  if (value === undefined) throw new InvalidInput(path, value, 'must be an integer of 2 or more');
  return Math.min(number(value, path, { default: 2, min: 2 }), most);
}

function parseCodes(value: unknown, path: string): ReadonlySet<Status> {
  const codes = new Set<Status>();
  for (const [i, code] of list(value, path).entries()) {
    const known = typeof code === 'string' ? Status[code.toUpperCase() as keyof typeof Status] : code;
    if (typeof known !== 'number' || Status[known] === undefined) {
      throw new InvalidInput(`${path}[${i}]`, code, 'must be a gRPC status code, such as UNAVAILABLE or 14');
    }
    codes.add(known);
  }
  return codes;
}
