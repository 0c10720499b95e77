import type { Announcer, Registry } from '@podwire/registry';
import { NacosAnnouncement } from './announce/announcement.ts';
import { overHttp } from './http/over-http.ts';
import { openNamespaces, settingsKey } from './namespaces.ts';
import { type NacosOptions, readOptions, type Settings } from './options.ts';
import type { Protocol } from './protocol.ts';
import { parseServiceRef } from './service-ref.ts';
import { watch } from './watch.ts';

/**
 * Nacos 2.0 and later over its gRPC protocol, or older ones over HTTP: `nacos:///orders?group=G&namespace=N&clusters=a,b`.
 * Finds Pods, and announces them. Over gRPC all registries with the same options share one connection per namespace, which
 * is open while something is watched or announced. Throws `InvalidInput` for options that are wrong.
 */
export function nacos(options: NacosOptions): Registry & Announcer {
  const settings = readOptions(options);
  const protocol = settings.protocol === 'http' ? overHttp(settings) : overGrpc(settings);
  const key = settingsKey(settings);
  const closed = new AbortController();
  const announced = new Set<NacosAnnouncement>();
  return {
    scheme: 'nacos',
    source: 'registry',
    ...(key === undefined ? {} : { key: `nacos ${key}` }),
    check(service) {
      parseServiceRef(service, settings);
    },
    watch(service, { signal, ...options }) {
      const ref = parseServiceRef(service, settings);
      return protocol.watch(ref, { ...options, signal: AbortSignal.any([signal, closed.signal]) });
    },
    async announce(service, endpoint, { signal } = {}) {
      signal?.throwIfAborted();
      const ref = parseServiceRef(service, settings);
      if (closed.signal.aborted)
        throw new Error(`${endpoint.id} cannot be announced: the registry is closed`);
      const publishers = protocol.publishers(ref.namespace);
      const announcement = new NacosAnnouncement(publishers, settings, ref, endpoint, () => {
        announced.delete(announcement);
      });
      announced.add(announcement);
      await announcement.open();
      if (signal?.aborted || closed.signal.aborted) {
        await announcement.withdraw();
        signal?.throwIfAborted();
      }
      return announcement;
    },
    async close() {
      closed.abort();
      // Where Nacos does not answer, the instance leaves by itself.
      await Promise.allSettled([...announced].map((announcement) => announcement.withdraw()));
    },
  };
}

function overGrpc(settings: Settings): Protocol {
  const namespaces = openNamespaces(settings);
  return {
    watch: (ref, options) => watch(namespaces.get(ref.namespace).connection, ref, settings, options),
    publishers: (namespace) => namespaces.get(namespace),
  };
}
