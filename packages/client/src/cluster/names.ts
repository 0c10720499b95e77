import { isIP } from 'node:net';
import type { OpenedTarget } from '@podwire/registry';

/** The service's name for people: the target's fragment, the first label of its host, or its addresses. */
export function serviceName({ target, service }: OpenedTarget): string {
  if (target.scheme === 'static') return addresses(service);
  if (target.scheme === 'file') return service;
  const path = target.path.replace(/^.*\//, '');
  // An IP address has no label that names the service. The labels of an SRV record before the name begin with `_`.
  if (isIP(path) !== 0 || isIP(path.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')) !== 0) return path;
  return /^(?:_[^.]+\.)*([^.:?]+)/.exec(path)?.[1] ?? path;
}

/** How many addresses are shown of a list that has no other name; more are counted. */
const MAX_ADDRESSES = 3;

function addresses(list: string): string {
  const all = list.split(',').map((address) => address.trim());
  const shown = all.slice(0, MAX_ADDRESSES).join(', ');
  return all.length > MAX_ADDRESSES ? `${shown} and ${all.length - MAX_ADDRESSES} more` : shown;
}

/**
 * `:authority` unless the option gives one. By gRPC's rule it is the target's path
 * (https://github.com/grpc/grpc/blob/master/doc/naming.md). A list of addresses or a file is not a name, so the service's name is used.
 */
export function defaultAuthority(target: OpenedTarget, service: string): string {
  if (/^unix(-abstract)?:/.test(target.target.scheme === 'static' ? target.service : target.target.text))
    return 'localhost';
  if (target.target.scheme === 'dns' && !target.service.startsWith('_')) return target.service;
  return target.target.scheme === 'static' ? (target.service.split(',')[0] ?? service) : service;
}
