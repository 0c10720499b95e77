import {
  type Clock,
  checkKeys,
  InvalidInput,
  type Random,
  systemClock,
  systemRandom,
  WakeFlag,
  within,
} from '@podwire/core';
import type { Registry, RegistryUpdate } from '../registry.ts';
import type { Family } from './families.ts';
import { type KnownHosts, lookup, NameNotFound } from './lookup.ts';
import { DEFAULT_PORT, type DnsName, parseName } from './name.ts';
import { CallbackResolver } from './node-dns.ts';
import { type DnsResolver, systemResolver } from './resolver.ts';

/** How DNS is asked. Times in milliseconds. */
export interface DnsRegistryOptions {
  /** Time between two questions; each is varied by ±20 %. Default 5000, the TTL that CoreDNS gives in Kubernetes. */
  readonly pollMs?: number;
  /** A DNS server that did not answer is given up after this, and asked once more. Default 2000. */
  readonly timeoutMs?: number;
  /** Port of names without one. Default 443, as in gRPC. */
  readonly defaultPort?: number;
  /** Which addresses are used. Default `'any'`; a Pod that has both would count as two. */
  readonly family?: 4 | 6 | 'any';
  /** DNS servers, `ip` or `ip:port`; default those of the system. */
  readonly servers?: readonly string[];
  /** Asks name servers. Default: the system's. */
  readonly resolver?: DnsResolver;
  /** Default: the real one. */
  readonly clock?: Clock;
  /** Default: `Math.random`. */
  readonly random?: Random;
}

const KEYS = [
  'pollMs',
  'timeoutMs',
  'defaultPort',
  'family',
  'servers',
  'resolver',
  'clock',
  'random',
] as const satisfies readonly (keyof DnsRegistryOptions)[];
const JITTER = 0.2;
/** The system's resolver may wait for several servers that do not answer before it asks one that does. */
const LOOKUP_MS = 20_000;

/**
 * Pods behind a DNS name, such as a headless Service: A and AAAA records of `orders.prod.svc:50051`, or SRV records of
 * `_grpc._tcp.orders.prod.svc.cluster.local`. The registry asks again and again, for as long as the service is watched.
 */
export function dnsRegistry(options: DnsRegistryOptions = {}): Registry {
  checkKeys(options, KEYS, 'options');
  const { pollMs = 5_000, timeoutMs = 2_000, defaultPort = DEFAULT_PORT, family = 'any' } = options;
  const { clock = systemClock, random = systemRandom, servers = [] } = options;
  if (!(pollMs >= 10)) throw new InvalidInput('options.pollMs', pollMs, 'must be 10 or more');
  if (!(timeoutMs >= 1)) throw new InvalidInput('options.timeoutMs', timeoutMs, 'must be 1 or more');
  checkFamily(family);
  checkServers(servers);
  parseName('host', defaultPort);
  const resolver = options.resolver ?? systemResolver(servers, timeoutMs, family, clock);
  /** The last answers by service. They outlive a watch, because after an outage hosts recover one after the other. */
  const hosts = new Map<string, KnownHosts>();
  return {
    scheme: 'dns',
    source: 'registry',
    watch(service, { signal, onRecheck }) {
      const name = parseName(service, defaultPort);
      const wake = new WakeFlag();
      onRecheck?.(() => wake.raise());
      const delayMs = () => pollMs * (1 - JITTER + 2 * JITTER * random());
      const known: KnownHosts = hosts.get(service) ?? new Map();
      hosts.set(service, known);
      return poll(name, resolver, known, wake, delayMs, clock, signal);
    },
  };
}

function checkFamily(family: Family): void {
  if (family === 4 || family === 6 || family === 'any') return;
  throw new InvalidInput('options.family', family, "must be 4, 6 or 'any'");
}

function checkServers(servers: readonly string[]): void {
  try {
    if (servers.length > 0) new CallbackResolver().setServers(servers);
  } catch {
    throw new InvalidInput('options.servers', servers, 'must be IP addresses, each with or without a port');
  }
}

async function* poll(
  name: DnsName,
  resolver: DnsResolver,
  known: KnownHosts,
  wake: WakeFlag,
  delayMs: () => number,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<RegistryUpdate> {
  let previous: string | undefined;
  while (!signal.aborted) {
    const update = await ask(name, resolver, known, clock, signal);
    if (update === undefined) return;
    const text = fingerprint(update);
    if (text !== previous) yield update;
    previous = text;
    await wake.wait(clock, delayMs(), signal);
  }
}

/** Asks once. That DNS has no such name is an answer, too. Throws when a server fails. Undefined when `signal` aborted. */
async function ask(
  name: DnsName,
  resolver: DnsResolver,
  known: KnownHosts,
  clock: Clock,
  signal: AbortSignal,
): Promise<RegistryUpdate | undefined> {
  const asked = name.kind === 'srv' ? name.name : name.host;
  try {
    const answer = lookup(resolver, name, known, signal);
    const found = await within(answer, LOOKUP_MS, `DNS did not answer for ${asked}`, clock, signal);
    return found && { type: 'reset', endpoints: found.endpoints, dropped: found.dropped };
  } catch (error) {
    if (signal.aborted) return undefined;
    if (error instanceof NameNotFound) return { type: 'missing', reason: error.message };
    throw new Error(`DNS could not be asked for ${asked}: ${(error as Error).message}`, { cause: error });
  }
}

function fingerprint(update: RegistryUpdate): string {
  if (update.type !== 'reset') return JSON.stringify(update);
  return JSON.stringify([update.endpoints.map(({ id, weight }) => [id, weight]), update.dropped]);
}
