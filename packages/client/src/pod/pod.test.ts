import { stallsOf } from '@podwire/core';
import { VirtualClock } from '@podwire/core/testing';
import { FakeTransport } from '@podwire/http2/testing';
import { type EndpointInput, toEndpoint } from '@podwire/registry';
import { expect, test } from 'vitest';
import { ConnectGate } from './connect-gate.ts';
import { ConnectionPool } from './connection-pool.ts';
import { PingTime } from './ping-time.ts';
import { ClientPod, type PodOwner } from './pod.ts';

const ADDRESS = '10.0.0.1:1';
const HEAD = { method: { path: '/a/b', authority: 'a', headers: [] }, headers: [], maxReceiveBytes: -1 };
const HANDLER = { onHeaders() {}, onMessage() {}, onEnd() {} };
const endpoint = (more: EndpointInput = {}) => toEndpoint({ address: ADDRESS, ...more });

/** A Pod that is ready, and what its cluster is told of it. */
async function open() {
  const clock = new VirtualClock();
  const env = { clock, random: () => 0.5, afterPoll: (fn: () => void) => void clock.after(0, fn) };
  const transport = new FakeTransport(clock);
  const told: string[] = [];
  const owner: PodOwner = {
    env,
    pool: new ConnectionPool({
      env,
      transport,
      gate: new ConnectGate(clock, 32, 100),
      pings: new PingTime('orders', 10_000),
      backoff: { initialMs: 100, maxMs: 10_000, downMs: 1_000 },
      maxConnectionsPerPod: 1,
      connectionOptions: ({ host, port }) => ({ host, port, connectTimeoutMs: 60_000 }) as never,
    }),
    total: { inFlight: 0 },
    monitors: undefined,
    stalls: stallsOf(clock),
    heeded: -1,
    divertsAfterMs: 0,
    maxCallsPerPod: 0,
    hearsOthers: () => true,
    onSuspect() {},
    onRank() {},
    isDown: () => false,
    onState: ({ state }) => void told.push(state),
    onWeight: ({ weight }) => void told.push(`weight ${weight}`),
    onRoom: ({ hasRoom, available }) => void told.push(`room ${hasRoom} ${available}`),
  };
  const pod = new ClientPod(endpoint(), owner);
  pod.connect();
  await clock.advance(1);
  expect(told).toEqual(['connecting', 'ready']);
  return {
    ...{ clock, owner, pod, there: transport.pod(ADDRESS) },
    /** What the cluster was told since it was looked at last. */
    told: () => told.splice(0),
    /** Ends the Pod, and says what that leaves. */
    async close() {
      pod.close('done');
      await clock.advance(1);
      return [clock.pending, transport.pod(ADDRESS).connections.size];
    },
  };
}

test('a Pod is blocked for as long as one reason holds, and its cluster is told of changes only', async () => {
  const { pod, told, close } = await open();
  told();
  pod.block(1);
  pod.block(2);
  expect([told(), pod.available, pod.hasRoom]).toEqual([['room true false'], false, true]);
  pod.unblock(2);
  expect([told(), pod.available]).toEqual([[], false]);
  pod.unblock(1);
  expect([told(), pod.available]).toEqual([['room true true'], true]);
  expect(await close()).toEqual([0, 0]);
});

test("monitors' factors multiply the registry's weight, and a weight of 0 takes the Pod out of the choice", async () => {
  const { pod, told, close } = await open();
  const [one, other] = [{}, {}];
  told();
  pod.weigh(one, 0.5);
  pod.weigh(other, 0.5);
  pod.weigh(other, 0.5);
  expect([pod.weight, told()]).toEqual([0.25, ['weight 0.5', 'weight 0.25']]);
  pod.update(endpoint({ weight: 8 }));
  expect(pod.weight).toBe(2);
  pod.weigh(one, 0);
  expect([pod.available, pod.hasRoom, told()]).toEqual([false, true, ['room true false', 'weight 0']]);
  pod.weigh(one, 1);
  pod.weigh(other, 1);
  expect([pod.weight, pod.available]).toEqual([8, true]);
  pod.update(endpoint({ weight: 0 }));
  expect(pod.available).toBe(false);
  expect(await close()).toEqual([0, 0]);
});

test('a Pod that the registry calls draining takes no call, not even one that names it, and returns', async () => {
  const { pod, there, told, close } = await open();
  told();
  pod.update(endpoint({ phase: 'draining' }));
  expect([pod.state, pod.hasRoom, pod.available, told()]).toEqual([
    'ready',
    false,
    false,
    ['room false false'],
  ]);
  pod.update(endpoint());
  expect([pod.hasRoom, there.attempts, told()]).toEqual([true, 1, ['room true true']]);
  expect(await close()).toEqual([0, 0]);
});

test('its headers are read anew when the attributes change, and are the same array otherwise', async () => {
  const { pod, close } = await open();
  const attributes = { 'header.x-shard': '1' };
  pod.update(endpoint({ attributes }));
  const { headers } = pod;
  expect(headers).toEqual(['x-shard', '1']);
  expect(pod.headers).toBe(headers);
  pod.update(endpoint({ attributes: { 'header.x-shard': '2' } }));
  expect(pod.headers).toEqual(['x-shard', '2']);
  pod.update(endpoint());
  expect(pod.headers).toEqual([]);
  expect(await close()).toEqual([0, 0]);
});

test('a Pod that leaves closes with its last call, or when its time is over', async () => {
  const [first, second] = [await open(), await open()];
  const ends: string[] = [];
  const on = ({ pod }: typeof first) =>
    pod.connections.open(HEAD, { ...HANDLER, onEnd: ({ kind }) => void ends.push(kind) });
  const stream = on(first);
  on(second);
  for (const { pod, told } of [first, second]) {
    told();
    pod.drain(1_000);
    expect([told(), pod.hasRoom]).toEqual([['draining'], false]);
    // A second time changes nothing.
    pod.drain(1);
  }
  for (const { clock } of [first, second]) await clock.advance(500);
  stream!.cancel(8);
  await first.clock.advance(1);
  expect([first.told(), second.told(), ends]).toEqual([['closed'], [], ['cancelled']]);
  expect([first.clock.pending, first.there.connections.size]).toEqual([0, 0]);
  await second.clock.advance(500);
  expect([second.told(), ends]).toEqual([['closed'], ['cancelled', 'connection-lost']]);
  expect(await second.close()).toEqual([0, 0]);
  expect(second.told()).toEqual([]);
});

test('a Pod that comes back while it drains is not closed, whether it is wanted or not', async () => {
  const { clock, pod, there, told, close } = await open();
  const ends: string[] = [];
  pod.connections.open(HEAD, { ...HANDLER, onEnd: ({ kind }) => void ends.push(kind) });
  pod.drain(1_000);
  pod.stay();
  await clock.advance(5_000);
  expect([pod.state, ends, there.attempts]).toEqual(['idle', [], 1]);
  pod.drain(1_000);
  pod.connect();
  await clock.advance(5_000);
  expect([pod.state, ends, there.attempts]).toEqual(['ready', [], 2]);
  told();
  pod.rest();
  await clock.advance(5_000);
  expect([told(), ends, there.connections.size]).toEqual([['idle'], [], 1]);
  expect(await close()).toEqual([0, 0]);
  expect(ends).toEqual(['connection-lost']);
});

test('another address is another Pod, with connections of its own', async () => {
  const { owner, pod, clock, close } = await open();
  const moved = new ClientPod(endpoint({ address: '10.0.0.2:1' }), owner);
  moved.connect();
  await clock.advance(100);
  expect([moved.id === pod.id, moved.connections === pod.connections]).toEqual([false, false]);
  pod.close('moved');
  await clock.advance(1);
  // A Pod at the old address that comes later starts anew.
  const again = new ClientPod(endpoint(), owner);
  expect([moved.state, again.state, again.connections === pod.connections]).toEqual(['ready', 'idle', false]);
  // The old one is closed, and closing it once more takes nothing from the new one.
  pod.close('moved');
  const shared = new ClientPod(endpoint(), owner);
  expect(shared.connections === again.connections).toBe(true);
  for (const one of [moved, again, shared]) one.close('done');
  expect(await close()).toEqual([0, 0]);
});
