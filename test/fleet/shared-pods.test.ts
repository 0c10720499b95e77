import { Block, createPolicy, type Monitor, type PodControl } from '@podwire/balancer';
import type { Endpoint } from '@podwire/registry';
import { ScriptedRegistry } from '@podwire/registry/testing';
import { createRoute, createRouteTable } from '@podwire/routing';
import { expect, test } from 'vitest';
import type { MethodConfig } from '../../packages/client/src/options/method-config.ts';
import type { ClientPod } from '../../packages/client/src/pod/pod.ts';
import { counted, fleet } from './fleet.ts';

const [A, B, C] = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'];

/** Cluster `all` has every Pod, cluster `two` the first two; a header leads there. `monitor` looks after `two`. */
function overlapping(
  monitor: Partial<Monitor<ClientPod>> = {},
  onControl = (_: PodControl<ClientPod>) => {},
) {
  const routes = createRouteTable<MethodConfig>([
    { match: { headers: [{ name: 'x-two' }] }, route: createRoute('two', 'two', {}) },
    { match: {}, route: createRoute('all', 'all', {}) },
  ]);
  const policy = createPolicy('round_robin');
  const monitors = [
    (control: PodControl<ClientPod>) => {
      onControl(control);
      return { name: 'test', ...monitor };
    },
  ];
  const clusters = [
    { name: 'all', policy },
    {
      name: 'two',
      policy,
      accepts: ({ host }: { host: string }) => host !== '10.0.0.3',
      monitors: monitors as never,
    },
  ];
  return { routing: { routes, clusters } };
}

test('two clusters that name a Pod share its connection, and keep their own opinion of it', async () => {
  let control: PodControl<ClientPod> | undefined;
  let pods: readonly ClientPod[] = [];
  const monitor = {
    onPods(now: readonly ClientPod[]) {
      pods = now;
    },
  };
  const { clock, channel, pod, calls, close } = await fleet(
    [A, B, C],
    overlapping(monitor, (given) => {
      control = given;
    }),
  );
  expect([A, B, C].map((address) => pod(address!).attempts)).toEqual([1, 1, 1]);
  expect(counted(await calls(60))).toEqual({ [A!]: 20, [B!]: 20, [C!]: 20 });
  expect(counted(await calls(60, { 'x-two': '1' }))).toEqual({ [A!]: 30, [B!]: 30 });
  expect([A, B, C].map((address) => pod(address!).connections.size)).toEqual([1, 1, 1]);
  // What one cluster thinks of a Pod is its own.
  control!.block(pods[0]!, Block.EJECTED);
  expect(counted(await calls(30, { 'x-two': '1' }))).toEqual({ [B!]: 30 });
  expect(counted(await calls(30))).toEqual({ [A!]: 10, [B!]: 10, [C!]: 10 });
  const loads = channel.snapshot().pods.filter(({ id }) => id === A);
  expect(loads.map((one) => one.calls)).toEqual([30, 30]);
  // The connection dies: one new one, for both.
  pod(A!).close();
  await clock.advance(500);
  expect([pod(A!).attempts, pod(A!).connections.size]).toEqual([2, 1]);
  expect(await close()).toBe(0);
  expect(pod(A!).connections.size).toBe(0);
});

/** Both clusters have the same Pods; cluster `one` uses one at a time. */
function firstAndAll() {
  const routes = createRouteTable<MethodConfig>([
    { match: { headers: [{ name: 'x-one' }] }, route: createRoute('one', 'one', {}) },
    { match: {}, route: createRoute('all', 'all', {}) },
  ]);
  const clusters = [
    { name: 'all', policy: createPolicy('round_robin') },
    { name: 'one', policy: createPolicy('pick_first') },
  ];
  return { routing: { routes, clusters } };
}

test('a cluster of one Pod at a time takes a Pod that another cluster has connected, where a call asks for it', async () => {
  const { pod, calls, close } = await fleet([A!, B!], firstAndAll());
  const [first] = await calls(1, { 'x-one': '1' });
  const other = first === A ? B : A;
  expect(await calls(3, { 'x-one': '1', 'podwire-exclude-pod': first! })).toEqual([other, other, other]);
  expect(await calls(1, { 'x-one': '1', 'podwire-pod': other! })).toEqual([other]);
  expect([A, B].map((address) => pod(address!).attempts)).toEqual([1, 1]);
  expect(await close()).toBe(0);
});

test('a Pod that left one of its clusters is gone with the last call that it had there', async () => {
  const registry = new ScriptedRegistry();
  const parts = overlapping();
  const accepts = ({ zone }: Endpoint) => zone === 'two';
  const clusters = parts.routing.clusters.map((one) => (one.name === 'two' ? { ...one, accepts } : one));
  const options = { registries: [registry], drainMs: 60_000 };
  const { clock, channel, pod, start, calls, close } = await fleet(
    [A!, B!],
    { routing: { ...parts.routing, clusters } },
    options,
  );
  const both = [
    { address: A, zone: 'two' },
    { address: B, zone: 'two' },
  ];
  registry.reset(...both);
  await clock.advance(200);
  for (const address of [A, B]) pod(address!).onCall = () => {};
  const open = [start({ 'x-two': '1' }), start({ 'x-two': '1' })];
  await clock.advance(1);
  registry.reset({ address: A, zone: 'one' }, both[1]!);
  await clock.advance(10);
  const states = () => channel.snapshot().pods.map(({ id, state }) => `${id} ${state}`);
  expect(states()).toEqual([`${A} ready`, `${B} ready`, `${B} ready`, `${A} draining`]);
  for (const address of [A, B]) for (const call of pod(address!).calls) call.end(0);
  await clock.advance(10);
  expect(open.map(({ status }) => status?.code)).toEqual([0, 0]);
  expect(states()).toEqual([`${A} ready`, `${B} ready`, `${B} ready`]);
  for (const address of [A, B]) pod(address!).answer(Buffer.from(address!));
  expect(counted(await calls(20))).toEqual({ [A!]: 10, [B!]: 10 });
  expect(await close()).toBe(0);
});
