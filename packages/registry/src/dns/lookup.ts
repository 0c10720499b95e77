import { isIP } from 'node:net';
import { type Endpoint, toEndpoint } from '../endpoint.ts';
import type { DnsName } from './name.ts';
import type { DnsResolver, SrvRecord } from './resolver.ts';

/** More records than this are not used. */
const MAX_RECORDS = 10_000;
/** SRV hosts that are asked for at a time. */
const CONCURRENCY = 16;
/** SRV's weight 0 means "hardly ever" beside others (RFC 2782). */
const HARDLY_EVER = 0.01;

/** Thrown when DNS says with authority that there is nothing. */
export class NameNotFound extends Error {}

/** What DNS names now, and what of it can't be used. */
export interface Found {
  readonly endpoints: readonly Endpoint[];
  readonly dropped: readonly string[];
}

/** The last addresses of each SRV host, for when one of many can't be asked. */
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
    const all = await addresses(resolver, name.host, signal);
    if (all.length === 0) throw new NameNotFound(`DNS has no address for ${name.host}`);
    for (const host of all) found.add(host, name.port, 1);
    return found;
  }
  const records = preferred(await resolver.srv(name.name, signal));
  if (records.length === 0) throw new NameNotFound(`DNS has no SRV record for ${name.name}`);
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

/** RFC 2782: only the hosts of the lowest priority are to be tried. */
function preferred(records: readonly SrvRecord[]): readonly SrvRecord[] {
  const lowest = records.reduce((low, { priority }) => Math.min(low, priority), Number.POSITIVE_INFINITY);
  return records.filter(({ priority }) => priority === lowest).slice(0, MAX_RECORDS);
}

/** One host that has no address, or can't be asked, must not cost the others. */
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
      const all = await addresses(resolver, name, signal);
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
  if (failures.length === names.length) throw failures[0];
  known.clear();
  for (const [name, all] of hosts) known.set(name, all);
  found.dropped.sort();
  return hosts;
}

async function addresses(resolver: DnsResolver, host: string, signal: AbortSignal): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  return [...new Set(await resolver.addresses(host, signal))].sort();
}
