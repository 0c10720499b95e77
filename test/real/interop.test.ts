import { createChannel, type PodwireChannel } from 'podwire';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { interopCases } from '../interop/cases.ts';
import { type InteropClient, interopClient } from '../interop/client.ts';
import { type RealServer, startGrpcGoInterop } from '../servers/grpc-go.mjs';
import { startGrpcJavaInterop } from '../servers/grpc-java.mjs';

const servers = { 'grpc-go': startGrpcGoInterop, 'grpc-java': startGrpcJavaInterop };
const combinations = Object.entries(servers).flatMap(([name, start]) =>
  (['node-http2', 'http2'] as const).flatMap((transport) =>
    [false, true].map((tls) => ({ name, start, transport, tls })),
  ),
);

describe.each(combinations)('$name over $transport, TLS $tls', ({ start, transport, tls }) => {
  let server: RealServer;
  let channel: PodwireChannel;
  const open = () =>
    createChannel(`static:///${server.address}`, {
      transport,
      ...(server.tls !== undefined && { tls: server.tls }),
    });
  let client: InteropClient;
  let unimplemented: InteropClient;

  beforeAll(async () => {
    server = await start({ tls });
    channel = open();
    await channel.ready();
    client = interopClient(channel);
    unimplemented = interopClient(channel, 'UnimplementedService');
  });
  afterAll(async () => {
    await channel?.close({ graceMs: 0 });
    await server?.close();
  });

  test.each(Object.entries(interopCases))('%s', async (_name, run) => {
    await run(client, unimplemented);
  });

  test('channel_soak', async () => {
    for (let i = 0; i < 10; i++) {
      const own = open();
      await interopCases.large_unary!(interopClient(own), unimplemented);
      await own.close();
    }
  });
});
