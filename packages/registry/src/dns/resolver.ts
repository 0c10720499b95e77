import type { Clock } from '@podwire/core';
import { askByFamily, FAMILIES, type Family, type HalfAnswer, noneIfNotFound } from './families.ts';
import { Resolver } from './node-dns.ts';
import { SystemLookup } from './system-lookup.ts';

/** One SRV record (RFC 2782). */
export interface SrvRecord {
  /** An absolute name, with or without a dot at its end. */
  readonly name: string;
  /** 1–65535. */
  readonly port: number;
  /** Only hosts of the lowest priority are used. */
  readonly priority: number;
  /** Relative share among hosts of one priority. */
  readonly weight: number;
}

/** Answers the DNS registry. If there are no such records, the answer is an empty list; every failure rejects. */
export interface DnsResolver {
  /**
   * IPv4 and IPv6 addresses. For a name that `isAbsolute`, with or without a dot at its end, the resolver must not try search domains.
   * Aborting `signal` ends the question where that is possible.
   */
  addresses(host: string, signal: AbortSignal, isAbsolute: boolean): Promise<readonly string[] | HalfAnswer>;
  /** The SRV records of an absolute name. */
  srv(name: string, signal: AbortSignal): Promise<readonly SrvRecord[]>;
}

/** The longest time limit that Node's resolver takes, in whole milliseconds. */
const MAX_TIMEOUT_MS = 0x7fffffff;

/**
 * The system's own way for addresses (getaddrinfo: /etc/hosts and search domains count, so that `orders.prod` means
 * what it means to `curl`). DNS servers are asked directly where the user names some (`host` or `host:port`), and for SRV; such questions
 * never try search domains.
 */
export function systemResolver(
  servers: readonly string[],
  timeoutMs: number,
  family: Family,
  clock: Clock,
): DnsResolver {
  /** A resolver of its own for each question, so that an abort ends that one alone. */
  const ask = async <T>(signal: AbortSignal, question: (resolver: Resolver) => Promise<T>): Promise<T> => {
    const resolver = new Resolver({ timeout: Math.min(Math.ceil(timeoutMs), MAX_TIMEOUT_MS), tries: 2 });
    if (servers.length > 0) resolver.setServers(servers);
    const cancel = () => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await question(resolver);
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  };
  const direct = (host: string, signal: AbortSignal) =>
    ask(signal, (resolver) =>
      askByFamily(FAMILIES[family], (one) => (one === 4 ? resolver.resolve4(host) : resolver.resolve6(host))),
    );
  const system = new SystemLookup(family, clock);
  return {
    addresses: (host, signal, isAbsolute) =>
      servers.length > 0 ? direct(host, signal) : system.addresses(host, isAbsolute, signal),
    srv: (name, signal) => ask(signal, (resolver) => noneIfNotFound(resolver.resolveSrv(name))),
  };
}
