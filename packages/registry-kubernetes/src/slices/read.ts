import { canonicalHost } from '@podwire/registry';
import { isIP } from '../node-net.ts';
import type { Dropped } from './dropped.ts';
import type { AddressType, SlicePort } from './service-object.ts';

/** Members beyond this are counted and not used. It bounds memory, at a hundred times the largest Services known. */
export const MAX_MEMBERS = 100_000;
/** The API allows 100 per slice. */
const MAX_PORTS = 1_000;
const MAX_NAME = 253;

export type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A list, with null for none as Go writes it; undefined when it is something else. */
export function readList(value: unknown): readonly unknown[] | undefined {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : undefined;
}

/** An optional name. An invalid one is dropped alone; the object that it describes stays. */
export function readName(value: unknown, path: string, dropped: Dropped): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string' && value.length <= MAX_NAME) return value;
  dropped.add(path, value, `must be a string of at most ${MAX_NAME} characters`);
  return undefined;
}

/** The TCP ports of a slice or subset; the others carry no calls. Undefined when the value is not a list. */
export function readPorts(value: unknown, path: string, dropped: Dropped): SlicePort[] | undefined {
  const list = readList(value);
  if (list === undefined) {
    dropped.add(path, value, 'must be a list');
    return undefined;
  }
  const ports: SlicePort[] = [];
  for (const [i, port] of list.slice(0, MAX_PORTS).entries()) {
    const read = readPort(port, `${path}[${i}]`, dropped);
    if (read !== undefined) ports.push(read);
  }
  return ports;
}

function readPort(value: unknown, path: string, dropped: Dropped): SlicePort | undefined {
  if (!isObject(value)) {
    dropped.add(path, value, 'must be an object');
    return undefined;
  }
  const { name, port, protocol, appProtocol } = value;
  if (protocol !== undefined && protocol !== null && protocol !== '' && protocol !== 'TCP') return undefined;
  if (name !== undefined && name !== null && typeof name !== 'string') {
    dropped.add(`${path}.name`, name, 'must be a string');
    return undefined;
  }
  const all = port === undefined || port === null;
  if (!all && !(typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65535)) {
    dropped.add(`${path}.port`, port, 'must be an integer from 1 to 65535');
    return undefined;
  }
  return {
    name: name ?? '',
    port: all ? undefined : port,
    appProtocol: readName(appProtocol, `${path}.appProtocol`, dropped),
  };
}

/** What node:net says of an address of each type. */
const FAMILIES: Readonly<Record<AddressType, number>> = { IPv4: 4, IPv6: 6, FQDN: 0 };

/** The host in its canonical form, or undefined when it is not an address of that type. */
export function readHost(
  value: unknown,
  type: AddressType,
  path: string,
  dropped: Dropped,
): string | undefined {
  const host = typeof value === 'string' && !value.includes('%') ? canonicalHost(value) : undefined;
  if (host !== undefined && isIP(value as string) === FAMILIES[type]) {
    // Made absolute, so that the system does not try search domains.
    return type === 'FQDN' && !host.endsWith('.') ? `${host}.` : host;
  }
  dropped.add(path, value, `must be an address of type ${type}`);
  return undefined;
}
