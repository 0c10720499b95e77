import { toEndpoint } from '@podwire/registry';
import { type RegistryFixture, registryConformance } from '@podwire/registry/testing';
import { describe, it } from 'vitest';
import { Fixture, slice } from './testing/fixture.ts';

const INITIAL = [{ address: '10.0.0.1:50051' }, { address: '10.0.0.2:50051' }];

async function open(): Promise<RegistryFixture> {
  const fixture = await Fixture.open();
  const { store } = fixture.server;
  const change: RegistryFixture['change'] = async (inputs) => {
    const endpoints = inputs.map((input) => toEndpoint(input));
    for (const type of ['IPv4', 'IPv6'] as const) {
      const pods = endpoints
        .filter(({ host }) => host.includes(':') === (type === 'IPv6'))
        .map(({ host, zone, phase }) => ({
          ip: host,
          ready: phase === 'serving',
          terminating: phase === 'draining',
          ...(zone !== undefined && { zone }),
        }));
      store.put(slice(`orders-${type.toLowerCase()}`, pods, { addressType: type }));
    }
  };
  await change(INITIAL);
  return {
    registry: fixture.registry(),
    service: 'orders',
    initial: INITIAL,
    change,
    says: ['zone', 'phase'],
    unknown: 'users',
    fail: () => fixture.server.stop(),
    close: () => fixture.close(),
  };
}

describe('kubernetes registry', () => {
  for (const { name, run } of registryConformance) it(name, () => run(open));
});
