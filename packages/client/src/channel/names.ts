import { isIP } from 'node:net';
import type { OpenedTarget } from '@podwire/registry';

/** How people call the service: the target's fragment, or the first label of its host. */
export function serviceName({ target, service }: OpenedTarget): string {
  if (target.scheme === 'static') return target.authority || 'static';
  if (target.scheme === 'file') return service;
  const path = target.path.replace(/^.*\//, '');
  // An IP address has no label that names the service; those of an SRV record begin with `_`.
  if (isIP(path) !== 0 || isIP(path.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')) !== 0) return path;
  return /^(?:_[^.]+\.)*([^.:?]+)/.exec(path)?.[1] ?? path;
}

/**
 * `:authority` unless the option gives one. gRPC's rule is the target's path
 * (https://github.com/grpc/grpc/blob/master/doc/naming.md). A list of addresses or a file is no name; the service is.
 */
export function defaultAuthority(target: OpenedTarget, service: string): string {
  if (/^unix(-abstract)?:/.test(target.target.scheme === 'static' ? target.service : target.target.text))
    return 'localhost';
  if (target.target.scheme === 'dns' && !target.service.startsWith('_')) return target.service;
  return target.target.scheme === 'static' ? (target.service.split(',')[0] ?? service) : service;
}
