import type { ChannelOptions } from 'podwire';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { FramePeer } from './http2/frame-peer.ts';
import { frame, TYPE, uint32 } from './http2/frames.mjs';
import { openChannel } from './support/channel.ts';
import { get, ordersClient } from './support/orders-client.ts';
import { failure } from './support/orders-fixture.ts';

const ACK = 1;
const ENHANCE_YOUR_CALM = 11;

let peer: FramePeer;
/** When each connection was sent a PING, since it began. */
let pings: number[][];
/** Answers PINGs, and nothing else; the first so many connections with the end of the connection. */
async function start(impatient = 0): Promise<string> {
  pings = [];
  const begunMs: number[] = [];
  peer = await FramePeer.listen(({ type, flags, payload }) => {
    const nth = peer.connections - 1;
    if (type === TYPE.SETTINGS && flags !== ACK) begunMs[nth] = performance.now();
    if (type !== TYPE.PING || flags === ACK) return;
    pings[nth] ??= [];
    pings[nth].push(performance.now() - begunMs[nth]!);
    const debugData = Buffer.from('too_many_pings');
    if (nth < impatient)
      peer.write(frame(TYPE.GOAWAY, 0, 0, Buffer.concat([uint32(1, ENHANCE_YOUR_CALM), debugData])));
    else peer.write(frame(TYPE.PING, ACK, 0, Buffer.from(payload)));
  });
  return `static:///127.0.0.1:${peer.port}`;
}
afterEach(() => peer.close());

describe.each(['http2', 'node-http2'] as const)('over %s', (transport) => {
  test.each<[string, ChannelOptions]>([
    ['keepalive.timeMs', { keepalive: { timeMs: 40 } }],
    ['grpc.keepalive_time_ms', { 'grpc.keepalive_time_ms': 40 }],
  ])('%s is kept: a silent call is asked after again and again', async (_name, options) => {
    const channel = openChannel(await start(), { transport, ...options });
    await channel.ready();
    const call = failure(get(ordersClient(channel)));
    await expect.poll(() => pings[0]?.length).toBeGreaterThan(8);
    await channel.close({ graceMs: 0 });
    await call;
    expect(peer.connections).toBe(1);
  });

  test('so it is without calls, where they are asked for', async () => {
    const channel = openChannel(await start(), { transport, keepalive: { timeMs: 40, withoutCalls: true } });
    await channel.ready();
    await expect.poll(() => pings[0]?.length).toBeGreaterThan(8);
    expect(peer.connections).toBe(1);
  });

  test('a server to which they are too many is sent half as many, with a warning', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const target = await start(2);
    const channel = openChannel(target, { transport, keepalive: { timeMs: 60, withoutCalls: true } });
    await channel.ready();
    await expect.poll(() => pings[2]?.length).toBeGreaterThan(2);
    // The server counts from when it saw the connection, which is a little later than the client does.
    expect(pings[1]![0]).toBeGreaterThan(100);
    expect(pings[2]![0]).toBeGreaterThan(200);
    expect(channel.snapshot().pods[0]!.lastError).toBe(
      'the Pod sent GOAWAY with ENHANCE_YOUR_CALM ("too_many_pings")',
    );
    const told = warnings.filter((one) => 'code' in one && one.code === 'PODWIRE_TOO_MANY_PINGS');
    expect(told.map(({ message }) => message)).toEqual([
      expect.stringContaining('after 120 ms of silence'),
      expect.stringContaining('after 240 ms of silence'),
    ]);
  });
});
