import { isIP } from 'node:net';
import type { OpenedTarget } from '@podwire/registry';

/** How people call the service: the target's fragment, the first label of its host, or its addresses. */
export function serviceName({ target, service }: OpenedTarget): string {
  if (target.scheme === 'static') return addresses(service);
  if (target.scheme === 'file') return service;
  const path = target.path.replace(/^.*\//, '');
  // An IP address has no label that names the service; those of an SRV record begin with `_`.
  if (isIP(path) !== 0 || isIP(path.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')) !== 0) return path;
  return /^(?:_[^.]+\.)*([^.:?]+)/.exec(path)?.[1] ?? path;
}

/** Addresses shown of a list that has no other name; more are counted. */
const MAX_ADDRESSES = 3;

function addresses(list: string): string {
  const all = list.split(',').map((address) => address.trim());
  const shown = all.slice(0, MAX_ADDRESSES).join(', ');
  return all.length > MAX_ADDRESSES ? `${shown} and ${all.length - MAX_ADDRESSES} more` : shown;
}

/**
 * `:authority` unless the option gives one. gRPC's rule is the target's path
 * (https://github.com/grpc/grpc/blob/master/doc/naming.md). A list of addresses or a file is not a name; the service is.
 */
export function defaultAuthority(target: OpenedTarget, service: string): string {
  if (/^unix(-abstract)?:/.test(target.target.scheme === 'static' ? target.service : target.target.text))
    return 'localhost';
  if (target.target.scheme === 'dns' && !target.service.startsWith('_')) return target.service;
  return target.target.scheme === 'static' ? (target.service.split(',')[0] ?? service) : service;
}
