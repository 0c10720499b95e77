import { VirtualClock } from '@podwire/registry/testing';
import { expect, test } from 'vitest';
import { PickerRebuild } from './picker-rebuild.ts';

const PODS = 1_000;
/** A hundredth of a millisecond for each. */
const REST_MS = 10;

test('a rebuild of many Pods comes as soon as the most urgent change wants it, and then they rest', async () => {
  const clock = new VirtualClock();
  let built = 0;
  const rebuild = new PickerRebuild(
    clock,
    // biome-ignore lint/correctness/useYield: it has nothing to let in
    function* () {
      built += 1;
    },
    () => PODS,
  );
  rebuild.plan('later');
  rebuild.plan('soon');
  rebuild.plan('later');
  await clock.advance(2);
  expect(built).toBe(0);
  await clock.advance(1);
  expect(built).toBe(1);
  rebuild.plan('now');
  await clock.advance(REST_MS - 1);
  expect(built).toBe(1);
  await clock.advance(1);
  expect(built).toBe(2);
  await clock.advance(1_000);
  expect(built).toBe(2);
  rebuild.plan('now');
  rebuild.close();
  await clock.advance(1_000);
  expect(built).toBe(2);
  expect(clock.pending).toBe(0);
});
