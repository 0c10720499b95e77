import { lookup, Resolver } from 'node:dns/promises';

export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** What the DNS registry asks. An answer that there is nothing is an empty list; whatever else fails rejects. */
export interface DnsResolver {
  /** IPv4 and IPv6 addresses. */
  addresses(host: string): Promise<string[]>;
  srv(name: string): Promise<readonly SrvRecord[]>;
}

/** Codes of "no such name" and "no such record". */
const NOT_FOUND = new Set(['ENOTFOUND', 'ENODATA']);

/**
 * The system's own way for addresses (getaddrinfo: /etc/hosts and search domains count, so that `orders.prod` means
 * what it means to `curl`); DNS servers are asked directly where some are given (`host` or `host:port`), and for SRV.
 */
export function systemResolver(servers: readonly string[], timeoutMs: number): DnsResolver {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
  if (servers.length > 0) resolver.setServers([...servers]);
  return {
    addresses: (host) => (servers.length > 0 ? direct(resolver, host) : viaSystem(host)),
    srv: (name) => found(resolver.resolveSrv(name)),
  };
}

async function viaSystem(host: string): Promise<string[]> {
  const answers = await found(lookup(host, { all: true, verbatim: true }));
  return answers.map(({ address }) => address);
}

/** One of the two families failing is no reason to lose the other, unless that one has nothing. */
async function direct(resolver: Resolver, host: string): Promise<string[]> {
  const answers = await Promise.allSettled([found(resolver.resolve4(host)), found(resolver.resolve6(host))]);
  const all = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  const failed = answers.find((answer) => answer.status === 'rejected');
  if (all.length === 0 && failed !== undefined) throw failed.reason;
  return all;
}

async function found<T>(answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer;
  } catch (error) {
    if (NOT_FOUND.has((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
