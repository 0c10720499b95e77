import { createChannel, type PodwireChannel } from 'podwire';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { interopCases } from '../interop/cases.ts';
import { type InteropClient, interopClient } from '../interop/client.ts';
import { type RealServer, startGrpcGoInterop } from '../servers/grpc-go.mjs';

describe.each([false, true])('grpc-go, TLS %s', (tls) => {
  let server: RealServer;
  let channel: PodwireChannel;
  let client: InteropClient;
  let unimplemented: InteropClient;

  beforeAll(async () => {
    server = await startGrpcGoInterop({ tls });
    channel = createChannel(
      `static:///${server.address}`,
      server.tls === undefined ? {} : { tls: server.tls },
    );
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
      const own = createChannel(
        `static:///${server.address}`,
        server.tls === undefined ? {} : { tls: server.tls },
      );
      await interopCases.large_unary!(interopClient(own), unimplemented);
      await own.close();
    }
  });
});
