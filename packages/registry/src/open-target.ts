import { type Clock, InvalidInput, type Random } from '@podwire/core';
import { dnsRegistry } from './dns/dns-registry.ts';
import { DEFAULT_PORT, parseName } from './dns/name.ts';
import { formatAddress } from './endpoint.ts';
import { fileRegistry } from './file/file-registry.ts';
import { isIP } from './node-net.ts';
import type { Registry } from './registry.ts';
import { canonicalSocket } from './socket-path.ts';
import { staticRegistry } from './static.ts';
import { parseTarget, type Target } from './target.ts';

/** A target with the registry that serves it. */
export interface OpenedTarget {
  /** The target in its parts. */
  readonly target: Target;
  /** The registry of its scheme. */
  readonly registry: Registry;
  /** The name by which the registry knows the service. */
  readonly service: string;
}

interface Env {
  readonly clock: Clock;
  readonly random: Random;
}

type Opened = Omit<OpenedTarget, 'target'>;

const BUILT_IN: Readonly<Record<string, (target: Target, env: Env) => Opened>> = {
  static: openStatic,
  file: openFile,
  dns: openDns,
  unix: openSocket,
  'unix-abstract': openSocket,
};

/**
 * Finds the registry for a target: `static:///a:1,b:2`, `file:///path#service`, `dns:///host:port`, or one of `registries`
 * by its scheme, which is given the target's path and query. Throws {@link InvalidInput}.
 */
export function openTarget(text: string, env: Env, registries: readonly Registry[] = []): OpenedTarget {
  for (const [i, { scheme }] of registries.entries()) {
    // Otherwise the first would be used and the second ignored, without a word.
    if (registries.findIndex((other) => other.scheme === scheme) !== i)
      throw new InvalidInput(
        `options.registries[${i}]`,
        scheme,
        'is the scheme of one before it: give each channel its own',
      );
  }
  const schemes = [...registries.map(({ scheme }) => scheme), ...Object.keys(BUILT_IN)];
  const target = parseTarget(text, schemes);
  const given = registries.find(({ scheme }) => scheme === target.scheme);
  if (given !== undefined) return { target, ...openGiven(target, given) };
  for (const key of target.query.keys()) {
    throw new InvalidInput('target', text, `takes no option '${key}'`);
  }
  return { target, ...BUILT_IN[target.scheme]!(target, env) };
}

function openGiven(target: Target, registry: Registry): Opened {
  refuseAuthority(target);
  refuseFragment(target);
  const query = target.query.toString();
  const service = query === '' ? target.path : `${target.path}?${query}`;
  registry.check?.(service);
  return { registry, service };
}

function openStatic(target: Target): Opened {
  refuseAuthority(target);
  refuseFragment(target);
  const list = isOfIp(target) ? target.path.split(',').map(withPort).join(',') : target.path;
  return { registry: staticRegistry(list, 'target'), service: list };
}

/** Whether the target has one of gRPC's schemes for a list of addresses, in which ports may be left out. */
function isOfIp({ text }: Target): boolean {
  return /^ipv[46]:/i.test(text);
}

function withPort(address: string): string {
  const host = address.replace(/^\[(.*)\]$/, '$1');
  return isIP(host) === 0 ? address : formatAddress(host, DEFAULT_PORT);
}

/** `unix:path`, `unix:///absolute/path` and `unix-abstract:name`, as in gRPC. */
function openSocket(target: Target): Opened {
  refuseAuthority(target);
  refuseFragment(target);
  const { scheme, path, text } = target;
  const whole = scheme === 'unix' && /^[^:]*:\/\//.test(text) ? `/${path}` : path;
  const socket = canonicalSocket(scheme === 'unix' ? whole : `\0${whole}`);
  if (socket === undefined)
    throw new InvalidInput(
      'target',
      text,
      "must name a socket's path, which is at most 107 bytes long as a whole",
    );
  return { registry: { ...staticRegistry([{ path: socket }], 'target'), scheme }, service: path };
}

function openFile(target: Target, { clock }: Env): Opened {
  if (target.authority !== 'localhost') refuseAuthority(target);
  if (target.fragment === '') {
    throw new InvalidInput(
      'target',
      target.text,
      "must name the service after '#', as in file:///etc/podwire/services.json#orders",
    );
  }
  const isRelative = !target.text.includes('://') && !target.path.startsWith('/');
  const path = isRelative ? target.path : `/${target.path.replace(/^\/+/, '')}`;
  if (path === '/' || path === '' || path.includes('\0')) {
    throw new InvalidInput('target', target.text, "must name a file or directory before '#'");
  }
  return { registry: { ...fileRegistry(path, { clock }), key: `file ${path}` }, service: target.fragment };
}

function openDns(target: Target, { clock, random }: Env): Opened {
  refuseFragment(target);
  if (target.path === '' && target.authority !== '') {
    throw new InvalidInput(
      'target',
      target.text,
      `names a DNS server and no service: ${threeSlashes(target)}`,
    );
  }
  parseName(target.path);
  const servers = target.authority === '' ? [] : [target.authority];
  const registry = dnsRegistry({ servers, clock, random });
  return { registry: { ...registry, key: `dns ${target.authority}` }, service: target.path };
}

/** Two slashes where three are meant would lose the first part of the target without a word. */
function refuseAuthority(target: Target): void {
  if (target.authority === '') return;
  throw new InvalidInput(
    'target',
    target.text,
    `has two slashes where three are meant: ${threeSlashes(target)}`,
  );
}

function threeSlashes({ scheme, authority, path }: Target): string {
  return `did you mean '${scheme}:///${authority}${path === '' ? '' : `/${path}`}'?`;
}

function refuseFragment(target: Target): void {
  if (target.fragment === '') return;
  throw new InvalidInput('target', target.text, "takes no '#': only a file target names its service there");
}
