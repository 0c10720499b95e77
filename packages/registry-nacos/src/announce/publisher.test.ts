import { toEndpoint } from '@podwire/registry';
import { until } from '@podwire/registry/testing';
import { expect, it } from 'vitest';
import type { Payload } from '../rpc/payload.ts';
import { host, NO_ANSWER } from '../testing/fake-nacos.ts';
import { FastClock } from '../testing/fast-clock.ts';
import { setUp } from '../testing/set-up.ts';

const bench = setUp();
const POD = toEndpoint({ address: '10.0.0.9:9' });
const REFUSED = { resultCode: 500, errorCode: 500, message: 'not now' };

const ofService = (name: string) => bench.server.requests.filter(({ body }) => body.serviceName === name);
const lastOf = (name: string) => ofService(name).at(-1)?.body;
const registers = (name: string) => (request: Payload) =>
  request.body.serviceName === name && request.body.type === 'registerInstance';

it('registers all other services again when Nacos refuses one of them after a restart', async () => {
  const { server } = bench;
  const registry = bench.open();
  await registry.announce('orders', POD);
  await registry.announce('carts', POD);
  server.stop();
  server.requests.length = 0;
  server.overrides.set('InstanceRequest', (request) => (registers('orders')(request) ? REFUSED : undefined));
  await server.start();
  await until(() => ofService('carts').length > 0, 'the registration of the other service');
  expect(lastOf('carts')).toMatchObject({ type: 'registerInstance' });
});

it('tries again when the server that it was sent to refuses a registration at first', async () => {
  const { server } = bench;
  const registry = bench.open();
  await registry.announce('orders', POD);
  let refused = 0;
  server.overrides.set('InstanceRequest', () => (refused++ === 0 ? REFUSED : undefined));
  server.say('ConnectResetRequest', {});
  await until(() => refused > 1, 'the next try');
  expect(ofService('orders')).toHaveLength(3);
});

it('waits between connections that end as soon as it has registered', async () => {
  const { server } = bench;
  const clock = new FastClock(20);
  const registry = bench.open({ clock, random: () => 0.5, requestTimeoutMs: 60_000 });
  await registry.announce('orders', POD);
  server.overrides.set('InstanceRequest', () => void setImmediate(() => server.drop()));
  server.drop();
  await until(() => ofService('orders').length > 5, 'registrations');
  // Three quarters of half a second, and of a second from then on.
  expect(clock.delaysMs.filter((delayMs) => [375, 750].includes(delayMs)).slice(0, 4)).toEqual([
    375, 750, 750, 750,
  ]);
  server.overrides.clear();
});

it('sends a change again that Nacos did not answer, on the same connection', async () => {
  const { server } = bench;
  const registry = bench.open({ requestTimeoutMs: 500 });
  const announcement = await registry.announce('orders', POD);
  server.overrides.set('InstanceRequest', NO_ANSWER);
  await expect(announcement.update({ weight: 7, phase: 'draining' })).rejects.toThrow('no answer in 500 ms');
  server.overrides.clear();
  const sent = ofService('orders').length;
  await until(() => ofService('orders').length > sent, 'the change');
  expect(lastOf('orders')).toMatchObject({
    type: 'registerInstance',
    instance: { weight: 7, enabled: false },
  });
});

it.each([false, true])(
  'takes out what Nacos may have registered although it did not answer (second Pod: %s)',
  async (isSecond) => {
    const { server } = bench;
    server.hosts = [host(1)];
    const registry = bench.open({ requestTimeoutMs: 500 });
    // The connection is needed for something else as well.
    await bench.has(bench.follow(registry), '10.0.0.1:1');
    if (isSecond) await registry.announce('carts', toEndpoint({ address: '10.0.0.9:8' }));
    const type = isSecond ? 'BatchInstanceRequest' : 'InstanceRequest';
    server.overrides.set(type, ({ body }) => (body.type === 'deregisterInstance' ? undefined : NO_ANSWER));
    await expect(registry.announce('carts', POD)).rejects.toThrow('no answer in 500 ms');
    expect(lastOf('carts')).toMatchObject(
      isSecond
        ? { type: 'registerInstance', instance: { port: 8 } }
        : { type: 'deregisterInstance', instance: { port: 9 } },
    );
  },
);
