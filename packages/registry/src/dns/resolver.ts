import { lookup, Resolver } from 'node:dns/promises';

export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** What the DNS registry asks. An answer that there is nothing is an empty list; whatever else fails rejects. */
export interface DnsResolver {
  /** IPv4 and IPv6 addresses. An abort of `signal` ends the question, where that is possible. */
  addresses(host: string, signal: AbortSignal): Promise<readonly string[]>;
  srv(name: string, signal: AbortSignal): Promise<readonly SrvRecord[]>;
}

/** Which addresses are wanted. */
export type Family = 4 | 6 | 'any';

/** Codes of "no such name" and "no such record". */
const NOT_FOUND = new Set(['ENOTFOUND', 'ENODATA']);

/**
 * The system's own way for addresses (getaddrinfo: /etc/hosts and search domains count, so that `orders.prod` means
 * what it means to `curl`); DNS servers are asked directly where some are given (`host` or `host:port`), and for SRV.
 */
export function systemResolver(servers: readonly string[], timeoutMs: number, family: Family): DnsResolver {
  /** A resolver of its own for each question, so that an abort ends that one alone. */
  const ask = async <T>(signal: AbortSignal, question: (resolver: Resolver) => Promise<T>): Promise<T> => {
    const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
    if (servers.length > 0) resolver.setServers(servers);
    const cancel = () => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await question(resolver);
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  };
  const viaSystem = oneAtATime((host) => lookupAll(host, family));
  return {
    addresses: (host, signal) =>
      servers.length > 0 ? ask(signal, (resolver) => direct(resolver, host, family)) : viaSystem(host),
    srv: (name, signal) => ask(signal, (resolver) => found(resolver.resolveSrv(name))),
  };
}

/**
 * While a name is asked for, whoever asks waits for the same answer: getaddrinfo holds one of Node's four threads, which files
 * need too, for up to a minute while no server answers, and cannot be ended.
 */
function oneAtATime(ask: (host: string) => Promise<string[]>): (host: string) => Promise<string[]> {
  const asked = new Map<string, Promise<string[]>>();
  return (host) => {
    const answer = asked.get(host) ?? ask(host).finally(() => asked.delete(host));
    asked.set(host, answer);
    return answer;
  };
}

async function lookupAll(host: string, family: Family): Promise<string[]> {
  const answers = await found(lookup(host, { all: true, family: family === 'any' ? 0 : family }));
  return answers.map(({ address }) => address);
}

/** One of the two families failing is no reason to lose the other, unless that one has nothing. */
async function direct(resolver: Resolver, host: string, family: Family): Promise<string[]> {
  const questions: Promise<string[]>[] = [];
  if (family !== 6) questions.push(found(resolver.resolve4(host)));
  if (family !== 4) questions.push(found(resolver.resolve6(host)));
  const answers = await Promise.allSettled(questions);
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
