import type { Phase } from '@podwire/registry';
import { Dropped } from './dropped.ts';
import { isObject, type Json, MAX_MEMBERS, readHost, readList, readName, readPorts } from './read.ts';
import { ADDRESS_TYPES, type AddressType, type Member, type Slice } from './service-object.ts';

const ZONE_LABEL = 'topology.kubernetes.io/zone';
/** The API allows 8 hints of each kind for one endpoint. */
const MAX_HINTS = 8;

/**
 * One `discovery.k8s.io/v1` EndpointSlice. Undefined when nothing in it can be used; what else cannot be used is dropped
 * piece by piece, so that one broken endpoint does not take its neighbours along.
 */
export function readEndpointSlice(
  object: Json,
  path: string,
  dropped: Dropped,
): readonly Slice[] | undefined {
  const { addressType } = object;
  if (!isAddressType(addressType)) {
    dropped.add(`${path}.addressType`, addressType, `must be one of ${ADDRESS_TYPES.join(', ')}`);
    return undefined;
  }
  const ports = readPorts(object.ports, `${path}.ports`, dropped);
  const list = readList(object.endpoints);
  if (list === undefined) dropped.add(`${path}.endpoints`, object.endpoints, 'must be a list');
  if (ports === undefined || list === undefined) return undefined;
  const hasPorts = (readList(object.ports)?.length ?? 0) > 0;
  const members: Member[] = [];
  let notReady = 0;
  for (const [i, endpoint] of list.slice(0, MAX_MEMBERS).entries()) {
    const at = `${path}.endpoints[${i}]`;
    if (!isObject(endpoint)) {
      dropped.add(at, endpoint, 'must be an object');
      continue;
    }
    const host = readAddress(endpoint, addressType, at, dropped);
    const phase =
      host === undefined ? 'unknown' : readPhase(endpoint.conditions, `${at}.conditions`, dropped);
    if (host === undefined || phase === 'unknown') continue;
    if (phase === 'not-ready') notReady += 1;
    else members.push(readMember(host, phase, endpoint, at, dropped));
  }
  if (list.length > MAX_MEMBERS) {
    dropped.addUnseen(`${path}.endpoints`, list.length - MAX_MEMBERS, `than the limit of ${MAX_MEMBERS}`);
  }
  return [{ addressType, ports, hasPorts, members, notReady }];
}

function isAddressType(value: unknown): value is AddressType {
  return ADDRESS_TYPES.some((type) => type === value);
}

/** The first address: an endpoint's addresses are interchangeable, and kube-proxy uses just the first, too (https://issue.k8s.io/106267). */
function readAddress(endpoint: Json, type: AddressType, at: string, dropped: Dropped): string | undefined {
  const addresses = readList(endpoint.addresses);
  if (addresses !== undefined && addresses.length > 0) {
    return readHost(addresses[0], type, `${at}.addresses[0]`, dropped);
  }
  dropped.add(`${at}.addresses`, endpoint.addresses, 'must be a list of at least one address');
  return undefined;
}

/**
 * Reads the conditions as the API defines them: an absent `ready` is true, an absent `serving` equals `ready`, and an absent
 * `terminating` is false. A Pod that terminates takes no new calls even where `ready` is forced to be
 * true (publishNotReadyAddresses), and it finishes the calls that it has for as long as it serves.
 */
function readPhase(value: unknown, path: string, dropped: Dropped): Phase | 'not-ready' | 'unknown' {
  const conditions = value ?? {};
  if (!isObject(conditions)) {
    dropped.add(path, value, 'must be an object');
    return 'unknown';
  }
  for (const name of ['ready', 'serving', 'terminating']) {
    const condition = conditions[name] ?? undefined;
    if (condition === undefined || typeof condition === 'boolean') continue;
    dropped.add(`${path}.${name}`, condition, 'must be true, false or null');
    return 'unknown';
  }
  const ready = conditions.ready !== false;
  const serving = typeof conditions.serving === 'boolean' ? conditions.serving : ready;
  if (conditions.terminating === true) return serving ? 'draining' : 'not-ready';
  return ready ? 'serving' : 'not-ready';
}

function readMember(host: string, phase: Phase, endpoint: Json, at: string, dropped: Dropped): Member {
  const attributes: Record<string, string> = {};
  const put = (name: string, value: string | undefined) => {
    if (value !== undefined) attributes[name] = value;
  };
  const target = isObject(endpoint.targetRef) ? endpoint.targetRef : {};
  const hints = isObject(endpoint.hints) ? endpoint.hints : {};
  put('node', readName(endpoint.nodeName, `${at}.nodeName`, dropped));
  put('hostname', readName(endpoint.hostname, `${at}.hostname`, dropped));
  if (target.kind === 'Pod') put('pod', readName(target.name, `${at}.targetRef.name`, dropped));
  put('hint-zones', readHints(hints.forZones, `${at}.hints.forZones`, dropped));
  put('hint-nodes', readHints(hints.forNodes, `${at}.hints.forNodes`, dropped));
  return {
    host,
    phase,
    zone: readName(zoneIn(endpoint), `${at}.zone`, dropped),
    attributes,
    uid: readName(target.uid, `${at}.targetRef.uid`, dropped),
  };
}

/** The zone of an endpoint; undefined when it has none, or one that is not valid. */
export function zoneOfEndpoint(endpoint: Json): string | undefined {
  return readName(zoneIn(endpoint), 'zone', new Dropped());
}

function zoneIn({ zone, deprecatedTopology: topology }: Json): unknown {
  return zone ?? (isObject(topology) ? topology[ZONE_LABEL] : undefined);
}

/** The names of a hint, joined by commas, which names of zones and nodes do not contain. */
function readHints(value: unknown, path: string, dropped: Dropped): string | undefined {
  const list = readList(value);
  if (list === undefined) dropped.add(path, value, 'must be a list');
  const names = (list ?? [])
    .slice(0, MAX_HINTS)
    .map((hint, i) => readName(isObject(hint) ? hint.name : hint, `${path}[${i}].name`, dropped))
    .filter((name) => name !== undefined);
  return names.length === 0 ? undefined : names.join();
}
