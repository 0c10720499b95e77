import { InvalidInput } from '@podwire/core';
import { canonicalHost } from './host.ts';
import { canonicalSocket, socketId, socketIn } from './socket-path.ts';

/** Whether an endpoint takes new calls (`serving`) or only finishes what it has (`draining`). */
export type Phase = 'serving' | 'draining';

/** One Pod of a service as the registry last described it. Identity is `id`; everything else may change. */
export interface Endpoint {
  /**
   * `host:port` in its one spelling: brackets around an IPv6 host, a name in lower case and without a dot at its end. The id of a socket
   * is `unix:/path` or `unix-abstract:name`.
   */
  readonly id: string;
  /** An IP address without brackets, or a name. */
  readonly host: string;
  /** 1–65535; 0 where there is a `path`. */
  readonly port: number;
  /** The path of a Unix domain socket; an abstract one begins with a NUL. `host` is then `localhost`. */
  readonly path?: string;
  /** Relative share of calls, finite and ≥ 0; 0 takes no calls. Default 1. */
  readonly weight: number;
  /** Where it runs; undefined where the registry does not say. */
  readonly zone?: string;
  /** Whether it takes new calls. */
  readonly phase: Phase;
  /** Whatever else the registry says; `header.<name>` is sent with every call on the Pod. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Where an endpoint set came from: the registry now, the disk snapshot of an earlier run, or the configuration. */
export type EndpointSource = 'registry' | 'snapshot' | 'static';

/** Immutable; a new one for each accepted change, with `version` one higher. */
export interface EndpointSet {
  /** 1 for the first set of a watch. */
  readonly version: number;
  /** In the order of the registry. */
  readonly endpoints: readonly Endpoint[];
  /** Where the set comes from. */
  readonly source: EndpointSource;
}

/** What a registry document may say of one endpoint, before it is checked. */
export interface EndpointInput {
  /** `host:port`, `[host]:port` or `unix:/path`, in the place of `host`, `port` and `path`. */
  readonly address?: unknown;
  /** An IP address or a DNS name. */
  readonly host?: unknown;
  /** An integer from 1 to 65535. */
  readonly port?: unknown;
  /** Of a Unix domain socket. */
  readonly path?: unknown;
  /** A finite number, 0 or more. Default 1. */
  readonly weight?: unknown;
  /** 1 to 253 characters. Default: none. */
  readonly zone?: unknown;
  /** `serving` or `draining`. Default `serving`. */
  readonly phase?: unknown;
  /** An object of strings, 16 KiB in all. Default: none. */
  readonly attributes?: unknown;
}

/** What an {@link EndpointInput} may hold. */
export const ENDPOINT_KEYS = [
  'address',
  'host',
  'port',
  'path',
  'weight',
  'zone',
  'phase',
  'attributes',
] as const;

const MAX_ATTRIBUTES_BYTES = 16 * 1024;

/** Splits `host:port` or `[v6]:port`; throws {@link InvalidInput} naming `path`. */
export function parseAddress(address: string, path: string): { host: string; port: number } {
  const match = /^(\[[^\]]*:[^\]]*\]|[^:[\]]+):(\d{1,5})$/.exec(address);
  if (!match) throw new InvalidInput(path, address, 'must be host:port, or [host]:port for IPv6');
  return { host: checkHost(match[1], path), port: checkPort(Number(match[2]), path) };
}

function checkHost(host: unknown, path: string): string {
  const canonical = typeof host === 'string' ? canonicalHost(host) : undefined;
  if (canonical === undefined) throw new InvalidInput(path, host, 'must be an IP address or a DNS name');
  return canonical;
}

function checkPort(port: unknown, path: string): number {
  if (typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65535) return port;
  throw new InvalidInput(path, port, 'must be a port, an integer from 1 to 65535');
}

/** The id of the endpoint at an address, however that is spelled; text that is not an address is given back. */
export function endpointId(address: string): string {
  const socket = socketIn(address);
  if (socket !== undefined) return socketId(canonicalSocket(socket) ?? socket);
  try {
    const { host, port } = parseAddress(address, 'address');
    return idOf(host, port);
  } catch {
    return address;
  }
}

/** A dot at the end of a name only keeps search domains from being tried: the host is the same. */
function idOf(host: string, port: number): string {
  return formatAddress(host.endsWith('.') ? host.slice(0, -1) : host, port);
}

/** `host:port`, with brackets around IPv6. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Checks one endpoint from outside and freezes it; throws {@link InvalidInput} naming the bad value under `path`. */
export function toEndpoint(input: EndpointInput, path = 'endpoint'): Endpoint {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new InvalidInput(path, input, 'must be an object with an address');
  }
  const place = placeOf(input, path);
  const weight = input.weight ?? 1;
  if (typeof weight !== 'number' || !Number.isFinite(weight) || weight < 0) {
    throw new InvalidInput(`${path}.weight`, weight, 'must be a finite number, 0 or more');
  }
  const phase = input.phase ?? 'serving';
  if (phase !== 'serving' && phase !== 'draining') {
    throw new InvalidInput(`${path}.phase`, phase, "must be 'serving' or 'draining'");
  }
  if (
    input.zone !== undefined &&
    (typeof input.zone !== 'string' || input.zone === '' || input.zone.length > 253)
  ) {
    throw new InvalidInput(`${path}.zone`, input.zone, 'must be a string of 1 to 253 characters');
  }
  const attributes = toAttributes(input.attributes, `${path}.attributes`);
  return new CheckedEndpoint(place, weight, phase, attributes, input.zone);
}

/** Where to connect to. */
interface Place {
  readonly host: string;
  readonly port: number;
  readonly path?: string;
}

function placeOf(input: EndpointInput, path: string): Place {
  const { address } = input;
  if (address === undefined) {
    if (input.path !== undefined) return socketPlace(input.path, `${path}.path`);
    return { host: checkHost(input.host, `${path}.host`), port: checkPort(input.port, `${path}.port`) };
  }
  if (typeof address !== 'string') throw new InvalidInput(`${path}.address`, address, 'must be a string');
  const socket = socketIn(address);
  return socket === undefined
    ? parseAddress(address, `${path}.address`)
    : socketPlace(socket, `${path}.address`);
}

function socketPlace(given: unknown, path: string): Place {
  const socket = typeof given === 'string' ? canonicalSocket(given) : undefined;
  if (socket === undefined)
    throw new InvalidInput(path, given, "must be a socket's path, whole at most 107 bytes long");
  return { host: 'localhost', port: 0, path: socket };
}

/** An endpoint that was checked: only `toEndpoint` makes these, so they need no second check. */
class CheckedEndpoint implements Endpoint {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly phase: Phase;
  readonly attributes: Readonly<Record<string, string>>;
  declare readonly path?: string;
  declare readonly zone?: string;
  readonly #checked = true;

  constructor(
    { host, port, path }: Place,
    weight: number,
    phase: Phase,
    attributes: Readonly<Record<string, string>>,
    zone: string | undefined,
  ) {
    this.id = path === undefined ? idOf(host, port) : socketId(path);
    this.host = host;
    this.port = port;
    this.weight = weight;
    this.phase = phase;
    this.attributes = attributes;
    if (path !== undefined) this.path = path;
    if (zone !== undefined) this.zone = zone;
    Object.freeze(this);
  }

  static is(value: unknown): value is Endpoint {
    return typeof value === 'object' && value !== null && #checked in value;
  }
}

/** Whether `toEndpoint` made this: it is valid, and cannot change. */
export const isEndpoint = CheckedEndpoint.is;

/** An object without any inherited names, as `Object.create(null)` but several times faster to make and read. */
const Bare = function (this: object) {} as unknown as new () => Record<string, string>;
Bare.prototype = Object.freeze(Object.create(null));

const NO_ATTRIBUTES: Readonly<Record<string, string>> = Object.freeze(new Bare());

function toAttributes(input: unknown, path: string): Readonly<Record<string, string>> {
  if (input === undefined) return NO_ATTRIBUTES;
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new InvalidInput(path, input, 'must be an object of strings');
  }
  const attributes = new Bare();
  let bytes = 0;
  for (const key of Object.keys(input)) {
    const value: unknown = Reflect.get(input, key);
    if (typeof value !== 'string') throw new InvalidInput(`${path}.${key}`, value, 'must be a string');
    bytes += key.length + value.length;
    if (bytes > MAX_ATTRIBUTES_BYTES) throw new InvalidInput(path, bytes, 'must not exceed 16 KiB in all');
    attributes[key] = value;
  }
  return Object.freeze(attributes);
}

/** Whether two descriptions of one Pod say the same. */
export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  if (a === b) return true;
  if (a.id !== b.id || a.host !== b.host || a.weight !== b.weight || a.zone !== b.zone || a.phase !== b.phase)
    return false;
  return sameAttributes(a.attributes, b.attributes);
}

function sameAttributes(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  if (a === b) return true;
  let more = 0;
  for (const key in a) {
    if (a[key] !== b[key]) return false;
    more += 1;
  }
  for (const _key in b) more -= 1;
  return more === 0;
}
