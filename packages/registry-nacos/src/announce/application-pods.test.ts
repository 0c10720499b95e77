import { toEndpoint } from '@podwire/registry';
import { until } from '@podwire/registry/testing';
import { expect, it } from 'vitest';
import { NO_ANSWER } from '../testing/fake-nacos.ts';
import { setUp } from '../testing/set-up.ts';

const bench = setUp();
const POD = toEndpoint({ address: '10.0.0.9:9' });
const of = (name: string) => `shop.${name}?dubbo=application&application=shop&methods=Get`;

it('tells of an interface that Nacos did not answer for only once it is announced', async () => {
  const { server } = bench;
  server.overrides.set('ConfigPublishRequest', ({ body: { group, dataId, content } }) => {
    server.configs.set(`${group}/${dataId}`, String(content));
    return undefined;
  });
  const revision = () => {
    const { instance } = server.requests.findLast(({ type }) => type === 'InstanceRequest')!.body;
    return (instance as { metadata: Record<string, string> }).metadata['dubbo.metadata.revision']!;
  };
  const has = () => Object.keys(JSON.parse(server.configs.get(`${revision()}/shop`)!).services);
  const registry = bench.open({ requestTimeoutMs: 500 });
  await registry.announce(of('Orders'), POD);
  expect(has()).toEqual(['shop.Orders:tri']);
  let unanswered = 0;
  server.overrides.set('InstanceRequest', () => (unanswered++ === 0 ? NO_ANSWER : undefined));
  await expect(registry.announce(of('Carts'), POD)).rejects.toThrow('no answer in 500 ms');
  await until(() => unanswered > 1, 'the state before');
  expect(has()).toEqual(['shop.Orders:tri']);
  await registry.announce(of('Carts'), POD);
  expect(has()).toEqual(['shop.Carts:tri', 'shop.Orders:tri']);
});
