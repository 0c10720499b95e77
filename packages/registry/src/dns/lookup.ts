import { type Endpoint, toEndpoint } from '../endpoint.ts';
import { isIP } from '../node-net.ts';
import { familyOf } from './families.ts';
import type { DnsName } from './name.ts';
import type { DnsResolver, SrvRecord } from './resolver.ts';

/** More records than this are not used. */
const MAX_RECORDS = 10_000;
/** How many SRV hosts are looked up at a time. */
const CONCURRENCY = 16;
/** SRV's weight 0 means "hardly ever" beside others (RFC 2782). */
const HARDLY_EVER = 0.01;

/** Thrown when DNS says with authority that there is nothing. */
export class NameNotFound extends Error {}

/** The endpoints that DNS names now, and the entries that can't be used. */
export interface Found {
  readonly endpoints: readonly Endpoint[];
  readonly dropped: readonly string[];
}

/** The last addresses of each name, used while one of many names, or one of a name's two families, can't be asked for. */
export type KnownHosts = Map<string, readonly string[]>;

/** Asks once. Throws {@link NameNotFound}, or what the resolver threw. */
export async function lookup(
  resolver: DnsResolver,
  name: DnsName,
  known: KnownHosts,
  signal: AbortSignal,
): Promise<Found> {
  const found = new Collector();
  if (name.kind === 'address') {
    const all = await addresses(resolver, name.host, name.host.endsWith('.'), known, found, signal);
    if (all.length === 0) throw new NameNotFound(`DNS has no address for ${name.host}`);
    for (const host of all) found.add(host, name.port, 1);
    return found;
  }
  const records = preferred(await resolver.srv(name.name, signal));
  if (records.length === 0) {
    throw new NameNotFound(
      `DNS has no SRV record for ${name.name} (which is not searched for: give its whole name)`,
    );
  }
  const hosts = await addressesOfAll(resolver, records, known, found, signal);
  const areAlike = records.every(({ weight }) => weight === 0);
  for (const record of records) {
    const weight = areAlike ? 1 : record.weight || HARDLY_EVER;
    for (const host of hosts.get(record.name) ?? []) found.add(host, record.port, weight);
  }
  if (found.endpoints.length === 0) throw new NameNotFound(`DNS has no address for any host of ${name.name}`);
  return found;
}

class Collector implements Found {
  readonly dropped: string[] = [];
  readonly #endpoints = new Map<string, Endpoint>();
  #isFull = false;

  get endpoints(): Endpoint[] {
    return [...this.#endpoints.values()];
  }

  add(host: string, port: number, weight: number): void {
    if (this.#endpoints.size < MAX_RECORDS) {
      try {
        const endpoint = toEndpoint({ host, port, weight }, 'dns');
        this.#endpoints.set(endpoint.id, endpoint);
      } catch (error) {
        this.dropped.push((error as Error).message);
      }
    } else if (!this.#isFull) {
      this.#isFull = true;
      this.dropped.push(`dns: more than ${MAX_RECORDS} records, the rest is not used`);
    }
  }
}

/** RFC 2782: only the hosts of the lowest priority are to be tried, and a host "." says that there is no such service. */
function preferred(all: readonly SrvRecord[]): readonly SrvRecord[] {
  const records = all.filter(({ name }) => name !== '' && name !== '.');
  const lowest = records.reduce((low, { priority }) => Math.min(low, priority), Number.POSITIVE_INFINITY);
  return records.filter(({ priority }) => priority === lowest).slice(0, MAX_RECORDS);
}

/** A host that has no address, or can't be asked for, does not affect the others. */
async function addressesOfAll(
  resolver: DnsResolver,
  records: readonly SrvRecord[],
  known: KnownHosts,
  found: Collector,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = [...new Set(records.map(({ name }) => name))];
  const failures: unknown[] = [];
  const ask = async (name: string): Promise<readonly string[]> => {
    try {
      // RFC 2782: an absolute name. With search domains, a wildcard of the first one would get the calls.
      const all = await addresses(resolver, name, true, known, found, signal);
      if (all.length === 0) found.dropped.push(`dns.${name}: has no address`);
      return all;
    } catch (error) {
      failures.push(error);
      found.dropped.push(`dns.${name}: ${(error as Error).message}`);
      return known.get(name) ?? [];
    }
  };
  const hosts = new Map<string, readonly string[]>();
  const rest = names.values();
  const work = async () => {
    for (const name of rest) hosts.set(name, await ask(name));
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  // No address was found, but a host that could not be asked for may have one.
  const none = [...hosts.values()].every((all) => all.length === 0);
  if (failures.length === names.length || (none && failures.length > 0)) throw failures[0];
  for (const name of [...known.keys()]) if (!hosts.has(name)) known.delete(name);
  found.dropped.sort();
  return hosts;
}

/**
 * The addresses of a name. A family that could not be asked for keeps its last addresses, and is named in `found`. Throws when a family
 * failed and the answer has no address.
 */
async function addresses(
  resolver: DnsResolver,
  host: string,
  isAbsolute: boolean,
  known: KnownHosts,
  found: Collector,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const before = known.get(host) ?? [];
  const answer = await resolver.addresses(host, signal, isAbsolute);
  const { addresses: said, failed } = 'failed' in answer ? answer : { addresses: answer, failed: [] };
  if (said.length === 0 && failed.length > 0) throw failed[0]!.error;
  const families = failed.map(({ family }) => family);
  const kept = before.filter((address) => families.includes(familyOf(address)));
  const all = [...new Set([...said, ...kept])].sort();
  for (const { family, error } of failed) {
    const stays = kept.some((address) => familyOf(address) === family)
      ? ': those known last stay in use'
      : '';
    found.dropped.push(`dns.${host}: cannot be asked for IPv${family} addresses (${error.message})${stays}`);
  }
  known.set(host, all);
  return all;
}
