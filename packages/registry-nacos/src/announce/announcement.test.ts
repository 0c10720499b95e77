import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { toEndpoint } from '@podwire/registry';
import { until } from '@podwire/registry/testing';
import { expect, it } from 'vitest';
import { NO_ANSWER } from '../testing/fake-nacos.ts';
import { setUp } from '../testing/set-up.ts';

const bench = setUp();
const POD = toEndpoint({ address: '10.0.0.9:9' });
const lastInstance = () => bench.server.requests.findLast(({ type }) => type === 'InstanceRequest')?.body;

it('belongs to the later announcement although the one before it fails', async () => {
  const { server } = bench;
  const registry = bench.open({ requestTimeoutMs: 500 });
  let asked = 0;
  server.overrides.set('InstanceRequest', () => (asked++ === 0 ? NO_ANSWER : undefined));
  const first = registry.announce('orders', POD);
  const second = registry.announce('orders', POD);
  await expect(first).rejects.toThrow('no answer');
  const announcement = await second;
  await announcement.update({ weight: 3 });
  expect(lastInstance()).toMatchObject({ type: 'registerInstance', instance: { weight: 3 } });
  await announcement.withdraw();
  expect(lastInstance()).toMatchObject({ type: 'deregisterInstance' });
});

it('is forgotten by its registry when it is withdrawn or followed', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const registry = bench.open();
  const withdrawn = new WeakRef(await registry.announce('orders', POD));
  await withdrawn.deref()!.withdraw();
  const followed = new WeakRef(await registry.announce('carts', POD));
  await registry.announce('carts', POD);
  const isGone = () => {
    collect();
    return withdrawn.deref() === undefined && followed.deref() === undefined;
  };
  await until(isGone, 'the announcements to be collected');
});

it('is taken out when the registry is closed before Nacos answered', async () => {
  const { server } = bench;
  const registry = bench.open();
  // The connection is needed for something else as well.
  await bench.open().announce('carts', POD);
  const announced = registry.announce('orders', POD);
  await registry.close?.();
  expect(server.count('InstanceRequest')).toBe(3);
  expect(lastInstance()).toMatchObject({ serviceName: 'orders', type: 'deregisterInstance' });
  await announced;
  await expect(registry.announce('orders', POD)).rejects.toThrow('the registry is closed');
});

it('of a socket is refused: no other machine could reach it', async () => {
  const registry = bench.open();
  const socket = toEndpoint({ address: 'unix:/run/orders.sock' });
  await expect(registry.announce('orders', socket)).rejects.toThrow(
    'endpoint: "unix:/run/orders.sock" must have a host and a port',
  );
  expect(bench.server.requests).toEqual([]);
});
