import { isIP } from 'node:net';
import { type Endpoint, toEndpoint } from '../endpoint.ts';
import type { DnsResolver } from './resolver.ts';

/** What a name means: `orders.prod.svc:50051` asks for addresses, `_grpc._tcp.orders.prod.svc` for SRV records. */
export type DnsName =
  | { readonly kind: 'address'; readonly host: string; readonly port: number }
  | { readonly kind: 'srv'; readonly name: string };

/** More records than this are not used. */
const MAX_RECORDS = 10_000;
/** Thrown when DNS says with authority that there is nothing. */
export class NameNotFound extends Error {}

/** The endpoints that DNS names now. Throws {@link NameNotFound}, or what the resolver threw. */
export async function lookup(resolver: DnsResolver, name: DnsName): Promise<Endpoint[]> {
  const endpoints = new Map<string, Endpoint>();
  if (name.kind === 'address') {
    for (const host of await addresses(resolver, name.host)) add(endpoints, host, name.port, 1);
    return [...endpoints.values()];
  }
  const records = await resolver.srv(name.name);
  if (records.length === 0) throw new NameNotFound(`DNS has no SRV record for ${name.name}`);
  // RFC 2782: only the most preferred priority is used.
  const priority = Math.min(...records.slice(0, MAX_RECORDS).map((record) => record.priority));
  const preferred = records.slice(0, MAX_RECORDS).filter((record) => record.priority === priority);
  const hosts = await Promise.all(preferred.map((record) => addresses(resolver, record.name)));
  // Weight 0 of SRV means "hardly ever"; with all 0 it means "alike".
  const weightless = preferred.every((record) => record.weight === 0);
  for (const [i, record] of preferred.entries()) {
    for (const host of hosts[i]!) add(endpoints, host, record.port, weightless ? 1 : record.weight || 0.01);
  }
  return [...endpoints.values()];
}

function add(endpoints: Map<string, Endpoint>, host: string, port: number, weight: number): void {
  if (endpoints.size >= MAX_RECORDS) return;
  const endpoint = toEndpoint({ host, port, weight }, 'dns');
  endpoints.set(endpoint.id, endpoint);
}

async function addresses(resolver: DnsResolver, host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  const all = await resolver.addresses(host);
  if (all.length === 0) throw new NameNotFound(`DNS has no address for ${host}`);
  return [...new Set(all)].sort();
}
