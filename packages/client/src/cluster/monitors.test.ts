import { Block, createPolicy, type MonitorFactory, type PodControl } from '@podwire/balancer';
import { stallsOf } from '@podwire/core';
import { VirtualClock } from '@podwire/core/testing';
import { expect, test } from 'vitest';
import type { ClientPod } from '../pod/pod.ts';
import { type MonitoredCluster, Monitors } from './monitors.ts';

function cluster(): MonitoredCluster {
  const clock = new VirtualClock();
  const env = { clock, random: () => 0.5, afterPoll: (fn: () => void) => fn() };
  return { env, policy: createPolicy('round_robin'), stalls: stallsOf(clock), report() {} };
}

test('a Pod that left for good is not kept, although its monitor blocks it for ever', () => {
  let control: PodControl<ClientPod> | undefined;
  const factory: MonitorFactory = (given) => {
    control = given as unknown as typeof control;
    return { name: 'blocks' };
  };
  const monitors = new Monitors([factory], cluster());
  const told: string[] = [];
  const pod = (name: string) => {
    const one = {
      probe() {},
      block: (why: number) => told.push(`${name}: block ${why}`),
      unblock: (why: number) => told.push(`${name}: unblock ${why}`),
    };
    return one as unknown as ClientPod;
  };
  const [gone, stays] = [pod('gone'), pod('stays')];
  for (const one of [gone, stays]) control!.block(one, Block.EJECTED);
  monitors.forget(gone);
  told.length = 0;
  monitors.close([]);
  expect(told).toEqual(['stays: unblock 1']);
});
