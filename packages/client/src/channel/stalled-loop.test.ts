import { Metadata, type StatusObject } from '@grpc/grpc-js';
import type { Connection, ConnectionListener, Stream, Transport } from '@podwire/http2';
import { VirtualClock } from '@podwire/registry/testing';
import { expect, test } from 'vitest';
import type { Env } from '../env.ts';
import { parseOptions } from '../options/settings.ts';
import { Channel } from './channel.ts';

/** How late the event loop looks at deadlines. */
const STALL_MS = 50;

/** A channel to a Pod that allows one stream, and answers nothing. */
async function open() {
  const clock = new VirtualClock();
  const transport = {
    name: 'double',
    connect(_options: unknown, listener: ConnectionListener) {
      const connection = {
        hasRoom: true,
        maxConcurrentStreams: 1,
        open() {
          connection.hasRoom = false;
          const cancel = () => {
            connection.hasRoom = true;
            listener.onRoom();
          };
          return { cancel, request() {}, sendMessage() {}, halfClose() {} } as unknown as Stream;
        },
        destroy() {},
      };
      queueMicrotask(() => listener.onReady());
      return connection as unknown as Connection;
    },
  } as unknown as Transport;
  const env: Env = {
    clock,
    random: () => 0.5,
    afterPoll: (fn) => void clock.after(STALL_MS, fn),
  };
  const settings = parseOptions({ waiting: { timeoutMs: 100 }, maxConnectionsPerPod: 1 });
  const channel = new Channel('static:///10.0.0.1:1', { ...settings, transport }, env, {});
  await clock.advance(1);
  return { clock, channel };
}

test('a call that gets the Pod of one whose deadline passed has not waited too long', async () => {
  const { clock, channel } = await open();
  const ended: StatusObject[] = [];
  const start = (timeoutMs: number) => {
    const call = channel.createCall('/orders/get', clock.wallMs() + timeoutMs, null, null, null);
    const onReceiveStatus = (status: StatusObject) => void ended.push(status);
    call.start(new Metadata(), { onReceiveMetadata() {}, onReceiveMessage() {}, onReceiveStatus });
    call.halfClose();
  };
  start(90);
  start(1_000);
  expect(channel.snapshot()).toMatchObject({ calls: { open: 2, waiting: 1 }, pods: [{ inFlight: 1 }] });
  await clock.advance(100 + STALL_MS);
  expect(ended).toMatchObject([{ reason: 'DEADLINE_EXCEEDED' }]);
  expect(channel.snapshot()).toMatchObject({ calls: { open: 1, waiting: 0 }, pods: [{ inFlight: 1 }] });
  await clock.advance(1_000);
  expect(ended[1]).toMatchObject({ reason: 'DEADLINE_EXCEEDED', pods: ['10.0.0.1:1'] });
  await channel.close({ graceMs: 0 });
});
