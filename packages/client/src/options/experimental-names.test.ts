import { expect, test } from 'vitest';
import { parseServiceConfig } from './service-config.ts';

const policyOf = (entry: object) => parseServiceConfig({ loadBalancingConfig: [entry] }).policy;

test.each([
  [{ least_request_experimental: { choiceCount: 3 } }, 'least_request'],
  [{ ring_hash_experimental: {} }, 'ring_hash'],
  [{ weighted_round_robin_experimental: { blackoutPeriod: '1s' } }, 'weighted_round_robin'],
])('%j is %s', (entry, name) => {
  expect(policyOf(entry)?.name).toBe(name);
});

test('a policy that podwire does not know is passed over under either name', () => {
  const loadBalancingConfig = [{ cluster_impl_experimental: {} }, { round_robin: {} }];
  expect(parseServiceConfig({ loadBalancingConfig }).policy?.name).toBe('round_robin');
});
