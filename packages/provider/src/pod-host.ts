import { isIP } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { InvalidInput } from '@podwire/core';

/** `os.networkInterfaces()`. */
export type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>;

/**
 * The IP address under which other Pods reach this one: `POD_IP`, which the downward API sets from `status.podIP`
 * (https://kubernetes.io/docs/concepts/workloads/pods/downward-api/), else the address of the only network interface
 * that other Pods can reach, IPv4 before IPv6. Several such interfaces are an error: a Pod that is announced under an address that no
 * client reaches is worse than one that does not start.
 */
export function podHost(variables: NodeJS.ProcessEnv, interfaces: Interfaces): string {
  const given = variables.POD_IP;
  if (given !== undefined && given !== '') {
    if (isIP(given) === 0) throw new InvalidInput('POD_IP', given, 'must be an IP address');
    return given;
  }
  const reachable = Object.values(interfaces)
    .flatMap((infos) => infos ?? [])
    .filter(({ address, internal }) => !internal && !isLinkLocal(address));
  const ipv4 = reachable.filter(({ family }) => family === 'IPv4');
  const found = [...new Set((ipv4.length > 0 ? ipv4 : reachable).map(({ address }) => address))];
  if (found.length === 1) return found[0]!;
  throw new InvalidInput(
    'options.host',
    undefined,
    found.length === 0
      ? 'must be given, or POD_IP set: no network interface has an address that other Pods reach'
      : `must be given, or POD_IP set: this machine has several addresses (${found.join(', ')})`,
  );
}

/** Reached on one link only (RFC 3927, RFC 4291 §2.5.6). */
function isLinkLocal(address: string): boolean {
  return address.startsWith('169.254.') || /^fe[89ab]/i.test(address);
}
