import { createPolicy } from '@podwire/balancer';
import { createRoute, createRouteTable } from '@podwire/routing';
import { expect, test } from 'vitest';
import type { MethodConfig } from '../../packages/client/src/options/method-config.ts';
import { counted, fleet } from './fleet.ts';

const PODS = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1', '10.0.0.4:1'];

test('a policy within a policy is chosen by options, and per cluster', async () => {
  const nested = { zone_aware: { policy: { round_robin: {} } } };
  const routes = createRouteTable<MethodConfig>([
    { match: { headers: [{ name: 'x-own' }] }, route: createRoute('own', 'own', {}) },
    { match: {}, route: createRoute('plain', 'plain', {}) },
  ]);
  const clusters = [
    { name: 'plain' },
    {
      name: 'own',
      policy: createPolicy({ zone_aware: { policy: { pick_first: { shuffleAddressList: false } } } }),
    },
  ];
  const { channel, calls, close } = await fleet(PODS, { routing: { routes, clusters } }, { policy: nested });
  expect(channel.snapshot().policy).toBe('zone_aware');
  expect(counted(await calls(40))).toEqual(Object.fromEntries(PODS.map((pod) => [pod, 10])));
  expect(counted(await calls(40, { 'x-own': '1' }))).toEqual({ [PODS[0]!]: 40 });
  expect(await close()).toBe(0);
});
