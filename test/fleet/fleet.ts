import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { settle, VirtualClock } from '@podwire/core/testing';
import { FakeTransport } from '@podwire/http2/testing';
import { Channel, type ChannelParts } from '../../packages/client/src/channel/channel.ts';
import type { ChannelOptions } from '../../packages/client/src/options/channel-options.ts';
import { parseOptions } from '../../packages/client/src/options/settings.ts';
import type { PodwireStatus } from '../../packages/client/src/reasons.ts';

/** A call, and what its caller was told. */
export interface FleetCall {
  readonly messages: string[];
  status: PodwireStatus | undefined;
  cancel(): void;
}

/** A multiplicative congruential generator (MINSTD): the same numbers in every run. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** A channel over scripted Pods on a virtual clock, whose connections are ready. `prepare` may change what the Pods do. */
export async function fleet(
  addresses: readonly string[],
  parts: ChannelParts = {},
  options: ChannelOptions = {},
  prepare: (transport: FakeTransport) => void = () => {},
) {
  const clock = new VirtualClock();
  const transport = new FakeTransport(clock);
  for (const address of addresses) transport.pod(address).answer(Buffer.from(address));
  prepare(transport);
  const env = { clock, random: seeded(7), afterPoll: (fn: () => void) => void clock.after(0, fn) };
  const settings = { ...parseOptions({ name: 'orders', ...options }), transport };
  const scheme = options.registries?.[0]?.scheme;
  const target = scheme === undefined ? `static:///${addresses.join(',')}` : `${scheme}:///orders`;
  const channel = new Channel(target, settings, env, {}, parts);
  await clock.advance(200);

  /** Starts a unary call. */
  function start(
    headers: Record<string, string | readonly string[]> = {},
    timeoutMs = Number.POSITIVE_INFINITY,
  ): FleetCall {
    const call = channel.createCall('/shop.Orders/Get', clock.wallMs() + timeoutMs, null, null, null);
    const seen: FleetCall = {
      messages: [],
      status: undefined,
      cancel: () => call.cancelWithStatus(1, 'cancelled by the test'),
    };
    const metadata = new Metadata();
    for (const [name, values] of Object.entries(headers))
      for (const value of [values].flat()) metadata.add(name, value);
    call.start(metadata, {
      onReceiveMetadata() {},
      onReceiveMessage: (message: Buffer) => void seen.messages.push(String(message)),
      onReceiveStatus: (status: StatusObject) => {
        seen.status = status as PodwireStatus;
      },
    });
    call.startRead();
    call.sendMessageWithContext({}, Buffer.from('request'));
    call.halfClose();
    return seen;
  }

  /** Makes unary calls one after another, each once the one before has ended; the address that each was answered by. */
  async function calls(count: number, headers: Parameters<typeof start>[0] = {}): Promise<string[]> {
    const answers: string[] = [];
    for (let i = 0; i < count; i++) {
      const call = start(headers);
      await clock.advance(1);
      answers.push(call.messages[0] ?? `status ${call.status?.code}`);
    }
    return answers;
  }

  /** Ends the channel, and says how many timers that leaves. */
  async function close(): Promise<number> {
    const closed = channel.close({ graceMs: 0 });
    await clock.advance(10_000);
    await closed;
    await settle();
    return clock.pending;
  }

  return { clock, channel, transport, pod: (address: string) => transport.pod(address), start, calls, close };
}

/** How often each text occurs. */
export function counted(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}
