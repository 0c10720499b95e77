import { Metadata, status as Status, type StatusObject } from '@grpc/grpc-js';
import type { CloseCause, Connection, Transport } from '@podwire/http2';
import { VirtualClock } from '@podwire/registry/testing';
import { expect, test } from 'vitest';
import type { Env } from '../env.ts';
import { parseOptions } from '../options/settings.ts';
import { Channel } from './channel.ts';

/** The wall clock is set by hours, as NTP does on a machine that woke up. */
const STEPS_MS = [5, -5].map((hours) => hours * 60 * 60 * 1_000);

/** A channel whose Pod refuses every connection. */
function open() {
  const clock = new VirtualClock();
  const connectsMs: number[] = [];
  const transport = {
    name: 'double',
    connect(_options: unknown, listener: { onClosed(cause: CloseCause): void }) {
      connectsMs.push(clock.nowMs());
      queueMicrotask(() => listener.onClosed({ kind: 'refused', code: 'refused', detail: 'refused' }));
      return { destroy() {} } as unknown as Connection;
    },
  } as unknown as Transport;
  const env: Env = {
    clock,
    random: () => 0.5,
    afterPoll: (fn) => void setImmediate(fn),
  };
  const channel = new Channel('static:///10.0.0.1:1', { ...parseOptions({}), transport }, env, {});
  return { clock, channel, connectsMs };
}

test.each(STEPS_MS)('a deadline is kept though the clock is set by %i ms', async (stepMs) => {
  const { clock, channel } = open();
  const metadata = new Metadata({ waitForReady: true });
  let status: StatusObject | undefined;
  const call = channel.createCall('/orders/get', clock.wallMs() + 5_000, null, null, null);
  call.start(metadata, {
    onReceiveMetadata() {},
    onReceiveMessage() {},
    onReceiveStatus(received) {
      status = received;
    },
  });
  await clock.advance(1_000);
  clock.stepWall(stepMs);
  await clock.advance(3_900);
  expect(status).toBeUndefined();
  await clock.advance(200);
  expect(status?.code).toBe(Status.DEADLINE_EXCEEDED);
  await channel.close();
});

test.each(STEPS_MS)(
  'a caller waits for a state equally long although the clock is set by %i ms',
  async (stepMs) => {
    const { clock, channel } = open();
    await clock.advance(1_000);
    const { state } = channel.snapshot();
    let told: Error | undefined;
    const current = channel.getConnectivityState(false);
    channel.watchConnectivityState(current, clock.wallMs() + 5_000, (error) => {
      told = error;
    });
    clock.stepWall(stepMs);
    await clock.advance(4_900);
    expect([told, channel.snapshot().state]).toEqual([undefined, state]);
    await clock.advance(200);
    expect(told?.message).toContain('Deadline passed');
    await channel.close();
  },
);

test.each(STEPS_MS)('connects are as far apart though the clock is set by %i ms', async (stepMs) => {
  const gaps = async (step: number) => {
    const { clock, channel, connectsMs } = open();
    await clock.advance(500);
    clock.stepWall(step);
    await clock.advance(10_000);
    await channel.close();
    return connectsMs;
  };
  expect(await gaps(stepMs)).toEqual(await gaps(0));
});
