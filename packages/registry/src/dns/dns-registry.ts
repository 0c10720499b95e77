import type { Clock, Random } from '../clock.ts';
import { type Endpoint, InvalidInput, parseAddress } from '../endpoint.ts';
import { checkKeys } from '../nearest.ts';
import type { Registry, RegistryUpdate } from '../registry.ts';
import { systemClock, systemRandom } from '../system-clock.ts';
import { Bell } from '../wait.ts';
import { type DnsName, lookup, NameNotFound } from './lookup.ts';
import { type DnsResolver, systemResolver } from './resolver.ts';

export interface DnsRegistryOptions {
  /** Time between two questions; each is varied by ±20 %. Default 5000, the TTL that CoreDNS gives in Kubernetes. */
  readonly pollMs?: number;
  /** A question that was not answered is given up after this, and asked once more. Default 2000. */
  readonly timeoutMs?: number;
  /** Port of names without one. Default 443, as in gRPC. */
  readonly defaultPort?: number;
  /** DNS servers, `host` or `host:port`; default those of the system. */
  readonly servers?: readonly string[];
  readonly resolver?: DnsResolver;
  readonly clock?: Clock;
  readonly random?: Random;
}

const KEYS = ['pollMs', 'timeoutMs', 'defaultPort', 'servers', 'resolver', 'clock', 'random'];
const JITTER = 0.2;
/** Of names without a port, as in gRPC. */
export const DEFAULT_PORT = 443;

/**
 * Pods behind a DNS name, such as a headless Service: A and AAAA records of `orders.prod.svc:50051`, or SRV records of
 * `_grpc._tcp.orders.prod.svc`. Asked again and again, for as long as somebody watches.
 */
export function dnsRegistry(options: DnsRegistryOptions = {}): Registry {
  checkKeys(options, KEYS, 'options');
  const { pollMs = 5_000, timeoutMs = 2_000, defaultPort = DEFAULT_PORT, servers = [] } = options;
  const { clock = systemClock, random = systemRandom } = options;
  if (!(pollMs >= 10)) throw new InvalidInput('options.pollMs', pollMs, 'must be 10 or more');
  if (!(timeoutMs >= 1)) throw new InvalidInput('options.timeoutMs', timeoutMs, 'must be 1 or more');
  const resolver = options.resolver ?? systemResolver(servers, timeoutMs);
  return {
    scheme: 'dns',
    source: 'registry',
    watch: (service, { signal }) =>
      poll(
        resolver,
        parseName(service, defaultPort),
        () => pollMs * (1 - JITTER + 2 * JITTER * random()),
        clock,
        signal,
      ),
  };
}

/** What a target names. Throws {@link InvalidInput}. */
export function parseName(service: string, defaultPort: number): DnsName {
  if (service.startsWith('_')) return { kind: 'srv', name: service };
  const hasPort = /^(\[[^\]]+\]|[^:]+):[^:]+$/.test(service);
  const bare = service.includes(':') && !service.startsWith('[') ? `[${service}]` : service;
  const { host, port } = parseAddress(hasPort ? service : `${bare}:${defaultPort}`, 'target');
  return { kind: 'address', host, port };
}

async function* poll(
  resolver: DnsResolver,
  name: DnsName,
  delayMs: () => number,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<RegistryUpdate> {
  const bell = new Bell();
  let previous: string | undefined;
  while (!signal.aborted) {
    const update = await ask(resolver, name);
    const text = update.type === 'reset' ? fingerprint(update.endpoints) : update.reason;
    if (text !== previous) yield update;
    previous = text;
    await bell.wait(clock, delayMs(), signal);
  }
}

/** "There is nothing" is an answer; a server that fails is none, and thrown. */
async function ask(
  resolver: DnsResolver,
  name: DnsName,
): Promise<Extract<RegistryUpdate, { type: 'reset' | 'missing' }>> {
  try {
    return { type: 'reset', endpoints: await lookup(resolver, name) };
  } catch (error) {
    if (error instanceof NameNotFound) return { type: 'missing', reason: error.message };
    throw error;
  }
}

function fingerprint(endpoints: readonly Endpoint[]): string {
  return endpoints.map(({ id, weight }) => `${id}*${weight}`).join();
}
