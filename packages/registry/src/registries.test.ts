import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { type EndpointInput, toEndpoint } from './endpoint.ts';
import { fileAnnouncer } from './file/file-announcer.ts';
import { fileRegistry } from './file/file-registry.ts';
import type { Announcement } from './registry.ts';
import { staticRegistry } from './static.ts';
import { type RegistryFixture, registryConformance } from './testing/registry-conformance.ts';

const INITIAL: EndpointInput[] = [{ address: '10.0.0.1:50051' }, { address: '10.0.0.2:50051' }];
const SAYS = ['weight', 'zone', 'phase', 'attributes'] as const;

async function temporary(): Promise<{ directory: string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'podwire-registry-'));
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

async function openStatic(): Promise<RegistryFixture> {
  const registry = staticRegistry('10.0.0.1:50051,10.0.0.2:50051');
  return { registry, service: 'orders', initial: INITIAL, close: async () => {} };
}

async function openDocument(): Promise<RegistryFixture> {
  const { directory, remove } = await temporary();
  const path = join(directory, 'services.json');
  const change = (endpoints: readonly EndpointInput[]) =>
    writeFile(path, JSON.stringify({ services: { orders: { endpoints } } }));
  await change(INITIAL);
  const registry = fileRegistry(path, { pollMs: 20 });
  const fail = () => writeFile(path, '{"services": {"orders"');
  return {
    registry,
    service: 'orders',
    initial: INITIAL,
    change,
    says: SAYS,
    unknown: 'users',
    fail,
    close: remove,
  };
}

async function openLeases(): Promise<RegistryFixture> {
  const { directory, remove } = await temporary();
  const announcer = fileAnnouncer(directory);
  const announced = new Map<string, Announcement>();
  const change = async (inputs: readonly EndpointInput[]) => {
    const wanted = new Map(inputs.map((input) => [toEndpoint(input).id, toEndpoint(input)]));
    for (const [id, announcement] of announced) {
      await announcement.withdraw();
      announced.delete(id);
    }
    for (const [id, endpoint] of wanted) announced.set(id, await announcer.announce('orders', endpoint));
  };
  await change(INITIAL);
  const registry = fileRegistry(`${directory}/`, { pollMs: 20 });
  const close = async () => {
    await change([]);
    await remove();
  };
  return { registry, service: 'orders', initial: INITIAL, change, says: SAYS, unknown: 'users', close };
}

describe.each([
  ['static', openStatic],
  ['file document', openDocument],
  ['file leases', openLeases],
])('%s registry', (_name, open) => {
  for (const { name, run } of registryConformance) it(name, () => run(open));
});
