import type * as grpc from '@grpc/grpc-js';
import type { ChannelOptions, PodwireChannel } from 'podwire';
import { beforeEach } from 'vitest';
import { openChannel } from './channel.ts';
import { type OrdersClient, ordersClient } from './orders-client.ts';
import { type OrdersServer, openOrdersServer } from './orders-server.ts';

/** For each test of a file a server, and channels that are closed after the test. */
export class OrdersFixture {
  server!: OrdersServer;

  constructor() {
    beforeEach(async () => {
      this.server = await openOrdersServer();
    });
  }

  /** A client of the server, over a channel of its own. */
  client(options: ChannelOptions = {}, clientOptions: grpc.ClientOptions = {}): OrdersClient {
    return ordersClient(this.channel(options), clientOptions);
  }

  /** A channel to the server. */
  channel(options: ChannelOptions = {}): PodwireChannel {
    return openChannel(`static:///${this.server.address}`, options);
  }

  async readyChannel(options: ChannelOptions = {}): Promise<PodwireChannel> {
    const channel = this.channel(options);
    await channel.ready();
    return channel;
  }
}

/** The error that a call is expected to end with. */
export function failure(
  promise: Promise<unknown>,
): Promise<grpc.ServiceError & { reason?: string; pods?: string[] }> {
  return promise.then(
    () => Promise.reject(new Error('the call succeeded')),
    (error) => error,
  );
}
