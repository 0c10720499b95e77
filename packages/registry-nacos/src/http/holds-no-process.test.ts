import { toEndpoint } from '@podwire/registry';
import { Followed, until } from '@podwire/registry/testing';
import { expect, it } from 'vitest';
import { nacos } from '../nacos.ts';
import { FakeNacosHttp } from '../testing/fake-nacos-http.ts';
import { FastClock } from '../testing/fast-clock.ts';

/** Timers and UDP ports that hold the process. Alone in its file: what another test left would hide what this one does. */
const held = () => process.getActiveResourcesInfo().filter((name) => /^(Timeout|UDP)/i.test(name));
const holdsNothing = () => until(() => held().length === 0, 'nothing that holds the process');

it('holds no process, while it watches and announces or after', async () => {
  const server = await new FakeNacosHttp().start();
  // Of a request, this is real time; to open the package may take a fiftieth of it.
  const time = { clock: new FastClock(50), requestTimeoutMs: 600_000 };
  const registry = nacos({ servers: [server.address], protocol: 'http', ...time });
  const orders = new Followed(registry, 'orders');
  await until(() => server.udpPort > 0, 'the subscription');
  await registry.announce('orders', toEndpoint({ address: '10.0.0.9:9' }));
  await until(() => server.count('PUT', '/beat') > 1, 'heartbeats');
  await holdsNothing();
  await orders.close();
  await registry.close?.();
  await holdsNothing();
  expect(server.instances.size).toBe(0);
  await server.stop();
});
