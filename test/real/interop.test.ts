import { createChannel, type PodwireChannel } from 'podwire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { interopCases } from '../interop/cases.ts';
import { interopClient } from '../interop/client.ts';
import { lacking } from '../interop/lacking.ts';
import type { InteropPeer } from '../interop/peer.ts';
import { type RealServer, startGrpcGoInterop } from '../servers/grpc-go.mjs';
import { startGrpcJavaInterop } from '../servers/grpc-java.mjs';

const servers = { 'grpc-go': startGrpcGoInterop, 'grpc-java': startGrpcJavaInterop };
const combinations = Object.entries(servers).flatMap(([name, start]) =>
  (['node-http2', 'http2'] as const).flatMap((transport) =>
    [false, true].map((tls) => ({ name, start, transport, tls })),
  ),
);

describe.each(combinations)('$name over $transport, TLS $tls', ({ name, start, transport, tls }) => {
  let server: RealServer;
  let channel: PodwireChannel;
  let peer: InteropPeer;

  beforeAll(async () => {
    server = await start({ tls });
    const open: InteropPeer['open'] = (options = {}, addresses = [server.address]) =>
      createChannel(`static:///${addresses.join(',')}`, {
        transport,
        ...(server.tls !== undefined && { tls: server.tls }),
        ...options,
      });
    channel = open();
    await channel.ready();
    const client = interopClient(channel);
    peer = {
      address: server.address,
      client,
      unimplemented: interopClient(channel, 'UnimplementedService'),
      open,
    };
  });
  afterAll(async () => {
    await channel?.close({ graceMs: 0 });
    await server?.close();
  });

  const missing = lacking[name] ?? {};
  const cases = Object.entries(interopCases);

  test.each(cases.filter(([one]) => !(one in missing)))('%s', async (_name, run) => {
    await run(peer);
  });

  test.each(cases.filter(([one]) => one in missing).map(([one, run]) => [one, missing[one], run] as const))(
    '%s cannot be asked of this server: %s',
    async (_name, _why, run) => {
      await expect(run(peer)).rejects.toThrow();
    },
  );
});
