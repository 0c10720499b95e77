import type { Announcer, Registry } from '@podwire/registry';
import { openLinks, settingsKey } from './link/links.ts';
import { NacosAnnouncement } from './naming/announcement.ts';
import { type NacosOptions, readOptions } from './options.ts';
import { parseServiceRef } from './service-ref.ts';
import { watch } from './watch.ts';

/**
 * Nacos 2.0 and later, over its gRPC protocol: `nacos:///orders?group=G&namespace=N&clusters=a,b`. Finds Pods, and
 * announces them. All registries with the same options share one connection per namespace, which is open while something
 * is watched or announced. Throws `InvalidInput` for options that are wrong.
 */
export function nacos(options: NacosOptions): Registry & Announcer {
  const settings = readOptions(options);
  const links = openLinks(settings);
  const key = settingsKey(settings);
  const closed = new AbortController();
  const announced = new Set<NacosAnnouncement>();
  return {
    scheme: 'nacos',
    source: 'registry',
    ...(key === undefined ? {} : { key: `nacos ${key}` }),
    watch(service, { signal }) {
      const ref = parseServiceRef(service, settings);
      const { link } = links.get(ref.namespace);
      return watch(link, ref, settings.zoneKey, [signal, closed.signal]);
    },
    async announce(service, endpoint, { signal } = {}) {
      signal?.throwIfAborted();
      const ref = parseServiceRef(service, settings);
      const announcement = new NacosAnnouncement(links.get(ref.namespace), settings, ref, endpoint);
      await announcement.open();
      announced.add(announcement);
      if (signal?.aborted || closed.signal.aborted) {
        await announcement.withdraw();
        signal?.throwIfAborted();
      }
      return announcement;
    },
    async close() {
      closed.abort();
      await Promise.all([...announced].map((announcement) => announcement.withdraw()));
    },
  };
}
