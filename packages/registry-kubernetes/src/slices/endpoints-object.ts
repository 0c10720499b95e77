import { isIP } from '../node-net.ts';
import type { Dropped } from './dropped.ts';
import { isObject, type Json, MAX_MEMBERS, readHost, readList, readName, readPorts } from './read.ts';
import type { AddressType, Member, Slice } from './service-object.ts';

/**
 * One core/v1 Endpoints object, for clusters without EndpointSlices (before 1.21). It knows neither zones nor Pods that
 * terminate. Undefined when nothing in it can be used.
 */
export function readEndpoints(object: Json, path: string, dropped: Dropped): readonly Slice[] | undefined {
  const subsets = readList(object.subsets);
  if (subsets === undefined) {
    dropped.add(`${path}.subsets`, object.subsets, 'must be a list');
    return undefined;
  }
  return subsets.flatMap((subset, i) => readSubset(subset, `${path}.subsets[${i}]`, dropped));
}

function readSubset(subset: unknown, path: string, dropped: Dropped): Slice[] {
  if (!isObject(subset)) {
    dropped.add(path, subset, 'must be an object');
    return [];
  }
  const ports = readPorts(subset.ports, `${path}.ports`, dropped);
  const addresses = readList(subset.addresses);
  if (addresses === undefined) dropped.add(`${path}.addresses`, subset.addresses, 'must be a list');
  if (ports === undefined || addresses === undefined) return [];
  const hasPorts = (readList(subset.ports)?.length ?? 0) > 0;
  const notReady = readList(subset.notReadyAddresses)?.length ?? 0;
  const members: Record<'IPv4' | 'IPv6', Member[]> = { IPv4: [], IPv6: [] };
  for (const [i, address] of addresses.slice(0, MAX_MEMBERS).entries()) {
    const read = readMember(address, `${path}.addresses[${i}]`, dropped);
    if (read !== undefined) members[read.type].push(read.member);
  }
  if (addresses.length > MAX_MEMBERS) {
    dropped.addUnseen(
      `${path}.addresses`,
      addresses.length - MAX_MEMBERS,
      `than the limit of ${MAX_MEMBERS}`,
    );
  }
  return [
    { addressType: 'IPv4', ports, hasPorts, members: members.IPv4, notReady },
    { addressType: 'IPv6', ports, hasPorts, members: members.IPv6, notReady: 0 },
  ];
}

function readMember(
  address: unknown,
  at: string,
  dropped: Dropped,
): { readonly type: AddressType & ('IPv4' | 'IPv6'); readonly member: Member } | undefined {
  if (!isObject(address)) {
    dropped.add(at, address, 'must be an object');
    return undefined;
  }
  const type = typeof address.ip === 'string' && isIP(address.ip) === 6 ? 'IPv6' : 'IPv4';
  const host = readHost(address.ip, type, `${at}.ip`, dropped);
  if (host === undefined) return undefined;
  const target = isObject(address.targetRef) ? address.targetRef : {};
  const attributes: Record<string, string> = {};
  const node = readName(address.nodeName, `${at}.nodeName`, dropped);
  const hostname = readName(address.hostname, `${at}.hostname`, dropped);
  const pod = target.kind === 'Pod' ? readName(target.name, `${at}.targetRef.name`, dropped) : undefined;
  if (node !== undefined) attributes.node = node;
  if (hostname !== undefined) attributes.hostname = hostname;
  if (pod !== undefined) attributes.pod = pod;
  const uid = readName(target.uid, `${at}.targetRef.uid`, dropped);
  return { type, member: { host, phase: 'serving', zone: undefined, attributes, uid } };
}
