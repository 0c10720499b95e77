import { Followed, until } from '@podwire/registry/testing';
import { afterEach, beforeEach } from 'vitest';
import { nacos } from '../nacos.ts';
import type { NacosOptions } from '../options.ts';
import { FakeNacos } from './fake-nacos.ts';

/** A server for each test of a file, and the registries that use it; all are closed after the test. */
export function setUp() {
  const cleanups: (() => Promise<void> | undefined)[] = [];
  const bench = {
    server: new FakeNacos(),
    open(options: Partial<NacosOptions> = {}) {
      const registry = nacos({ servers: [bench.server.address], ...options });
      cleanups.push(() => registry.close?.());
      return registry;
    },
    follow(registry: ReturnType<typeof nacos>, service = 'orders') {
      const followed = new Followed(registry, service);
      cleanups.push(() => followed.close());
      return followed;
    },
    has: (followed: Followed, ids: string) => until(() => followed.ids.join() === ids, `the set ${ids}`),
    onCleanup: (cleanup: () => Promise<void> | undefined) => cleanups.push(cleanup),
  };
  beforeEach(async () => {
    bench.server = await new FakeNacos().start();
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    bench.server.stop();
  });
  return bench;
}
