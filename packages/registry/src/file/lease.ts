import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { checkKeys, InvalidInput } from '@podwire/core';
import { type Endpoint, type EndpointInput, formatAddress, toEndpoint } from '../endpoint.ts';
import { withoutMark } from '../yaml.ts';

/** A lease as it lies in the directory. A provider that stops renewing it is gone when it expires. */
export interface Lease {
  readonly endpoint: Endpoint;
  /** How long the lease lasts after it was written. */
  readonly leaseMs: number;
  /** The provider's process. A reader on the same machine sees that it died, and need not wait for the lease to end. */
  readonly pid: number;
  /** Identifies the machine on which `pid` means that process. */
  readonly machine: string;
}

const KEYS = ['address', 'weight', 'zone', 'phase', 'attributes', 'leaseMs', 'expiresMs', 'pid', 'machine'];
/** A longer name is replaced by its hash: file systems limit names, most to 255 bytes, and a draft's name is longer by 37. */
const MAX_NAME = 120;
/** A lease file larger than this is not read. Attributes may have 16 Ki characters, each six bytes in JSON at most. */
export const MAX_LEASE_BYTES = 128 * 1024;
/** The longest lease that a provider may ask for. */
export const MAX_LEASE_MS = 24 * 60 * 60 * 1_000;

/** The directory of a service's leases; the name cannot lead out of it. */
export function serviceDirectory(directory: string, service: string): string {
  return join(directory, encodeName(service));
}

/**
 * The file of one announcement. Several processes may announce one address (the workers of a cluster share a port), and each has
 * a file of its own: what one writes and removes is never another's.
 */
export function leaseFile(directory: string, service: string, id: string, owner: string): string {
  const name = encodeName(id);
  const short = name.length <= MAX_NAME ? name : createHash('sha256').update(id).digest('hex').slice(0, 32);
  return join(serviceDirectory(directory, service), `${short}.${owner}.json`);
}

function encodeName(name: string): string {
  return encodeURIComponent(name).replace(/\./g, (dot, at: number) => (at === 0 ? '%2E' : dot));
}

/** `expiresMs`, by the writer's clock, is for people who read the file; podwire does not use it. */
export function writeLease(endpoint: Endpoint, leaseMs: number, expiresMs: number): string {
  const { host, port, weight, zone, phase, attributes } = endpoint;
  const lease = {
    address: formatAddress(host, port),
    weight,
    zone,
    phase,
    attributes,
    leaseMs,
    expiresMs,
    pid: process.pid,
    machine: thisMachine(),
  };
  return `${JSON.stringify(lease)}\n`;
}

/**
 * Throws {@link InvalidInput} for a lease that can't be used, a half-written one included. One without `leaseMs` lasts from
 * `writtenMs`, when the file was written, until `expiresMs`.
 */
export function readLease(text: string, path: string, writtenMs: number): Lease {
  let value: unknown;
  try {
    value = JSON.parse(withoutMark(text));
  } catch {
    throw new InvalidInput(path, text, 'is not JSON');
  }
  const { leaseMs: said, expiresMs, pid, machine, ...endpoint } = checkKeys(value, KEYS, path);
  if (typeof expiresMs !== 'number' || !Number.isFinite(expiresMs))
    throw new InvalidInput(`${path}.expiresMs`, expiresMs, 'must be a number');
  const leaseMs = said ?? expiresMs - writtenMs;
  // Without this limit, the lease of a dead provider might never end.
  if (said === undefined && expiresMs - writtenMs > 2 * MAX_LEASE_MS)
    throw new InvalidInput(`${path}.expiresMs`, expiresMs, 'must be within two days of when it is written');
  if (typeof leaseMs !== 'number' || (said !== undefined && !(leaseMs > 0 && leaseMs <= MAX_LEASE_MS)))
    throw new InvalidInput(`${path}.leaseMs`, leaseMs, `must be a number up to ${MAX_LEASE_MS}`);
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 0) {
    throw new InvalidInput(`${path}.pid`, pid, 'must be a process id');
  }
  if (typeof machine !== 'string') throw new InvalidInput(`${path}.machine`, machine, 'must be a string');
  return { endpoint: toEndpoint(endpoint as EndpointInput, path), leaseMs, pid, machine };
}

let machine: string | undefined;

/**
 * Identifies where process ids are unique. Containers on the host's network share its name but number processes separately, so the
 * namespace is part of it. Machines made from one image may have equal names and namespace numbers, so the random boot id is, too.
 */
export function thisMachine(): string {
  machine ??= [
    hostname(),
    ofLinux(() => readlinkSync('/proc/self/ns/pid')),
    ofLinux(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
  ]
    .join(' ')
    .trimEnd();
  return machine;
}

function ofLinux(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

/** Whether the provider's process may still run. For a process on another machine, only its lease tells. */
export function mayRun(lease: Lease): boolean {
  if (lease.machine !== thisMachine()) return true;
  try {
    process.kill(lease.pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
