import { InvalidInput } from '@podwire/core';
import { parseAddress } from '../endpoint.ts';

/** What to ask DNS for: addresses for `orders.prod.svc:50051`, SRV records for `_grpc._tcp.orders.prod.svc`. */
export type DnsName =
  | { readonly kind: 'address'; readonly host: string; readonly port: number }
  | { readonly kind: 'srv'; readonly name: string };

/** The port that gRPC uses for a name without one (https://github.com/grpc/grpc/blob/master/doc/naming.md). */
export const DEFAULT_PORT = 443;

const LABEL = /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/** Reads a target's service; a first label that begins with `_` is a service of RFC 2782. Throws {@link InvalidInput}. */
export function parseName(service: string, defaultPort = DEFAULT_PORT): DnsName {
  if (service === '')
    throw new InvalidInput('target', service, 'must name a host, as in dns:///orders.prod.svc:50051');
  if (service.startsWith('_')) {
    const labels = service.replace(/\.$/, '').split('.');
    if (service.length <= 253 && labels.every((label) => LABEL.test(label)))
      return { kind: 'srv', name: service };
    const rule = service.includes(':') ? 'must have no port: SRV records name it' : 'must be a DNS name';
    throw new InvalidInput('target', service, rule);
  }
  const hasPort = /^(\[[^\]]+\]|[^:]+):[^:]+$/.test(service);
  const bare = service.includes(':') && !service.startsWith('[') ? `[${service}]` : service;
  const { host, port } = parseAddress(hasPort ? service : `${bare}:${defaultPort}`, 'target');
  return { kind: 'address', host, port };
}
