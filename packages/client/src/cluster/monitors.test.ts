import { Block, type MonitorFactory, type PodControl } from '@podwire/balancer';
import { VirtualClock } from '@podwire/core/testing';
import { expect, test } from 'vitest';
import type { ClientPod } from '../pod/pod.ts';
import { Monitors } from './monitors.ts';

test('a Pod that left for good is not kept, although its monitor blocks it for ever', () => {
  let control: PodControl<ClientPod> | undefined;
  const factory: MonitorFactory = (given) => {
    control = given as unknown as typeof control;
    return { name: 'blocks' };
  };
  const monitors = new Monitors([factory], new VirtualClock());
  const told: string[] = [];
  const pod = (name: string) => {
    const one = {
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
