import { crc32 } from 'node:zlib';
import { TRIPLE } from './read.ts';
import type { DubboRef } from './ref.ts';

type Metadata = Readonly<Record<string, string>>;

/** The instance metadata by which Dubbo's consumers know a provider of an interface. */
export function interfaceMetadata(ref: DubboRef, wallMs: number): Metadata {
  return {
    protocol: TRIPLE,
    path: `/${ref.interface}`,
    interface: ref.interface,
    side: 'provider',
    category: 'providers',
    'nacos.category': 'providers',
    // Dubbo counts in seconds.
    timestamp: String(Math.floor(wallMs / 1000)),
    ...named(ref),
  };
}

function named({ version, group, methods }: DubboRef): Metadata {
  return {
    ...(version === '' ? {} : { version }),
    ...(group === '' ? {} : { group }),
    ...(methods.length === 0 ? {} : { methods: methodNames(methods).join() }),
  };
}

/** Dubbo for Java knows methods by names that begin in lower case. Both spellings are published, as by dubbo-go. */
function methodNames(methods: readonly string[]): readonly string[] {
  const swapped = methods.map((name) => {
    const [first = ''] = name;
    return (first === first.toLowerCase() ? first.toUpperCase() : first.toLowerCase()) + name.slice(1);
  });
  return [...new Set([...methods, ...swapped])].sort();
}

/**
 * The revision of an application as dubbo-go computes it: the sum of CRC-32 over interfaces and methods. The number must be the same
 * here, because of the Pods with one interface, dubbo-go's consumers use only those of one revision.
 */
export function revisionOf(refs: readonly DubboRef[]): string {
  const all = refs.flatMap((ref) => methodNames(ref.methods).map((method) => `${ref.interface}:${method}`));
  return String(all.reduce((sum, name) => sum + crc32(name), 0));
}

/** The instance metadata of an application; its consumers read the rest in Nacos's configs. */
export function applicationMetadata(address: string, port: number, revision: string): Metadata {
  return {
    id: address,
    'dubbo.endpoints': JSON.stringify([{ port, protocol: TRIPLE }]),
    'dubbo.metadata.revision': revision,
    'dubbo.metadata.storage-type': 'remote',
    'dubbo.subscribed-services.revision': '0',
  };
}

/** Dubbo's `MetadataInfo`, kept as a config of the application's name in the group of its revision. */
export function metadataInfo(application: string, revision: string, refs: readonly DubboRef[]): string {
  const services = refs.map((ref) => {
    const { version, group } = ref;
    const key = `${group === '' ? '' : `${group}/`}${ref.interface}${version === '' || version === '0.0.0' ? '' : `:${version}`}:${TRIPLE}`;
    const names = { ...(version === '' ? {} : { version }), ...(group === '' ? {} : { group }) };
    const params = { application, ...named(ref) };
    return [key, { name: ref.interface, ...names, protocol: TRIPLE, path: ref.interface, params }] as const;
  });
  services.sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({ app: application, revision, services: Object.fromEntries(services) });
}
