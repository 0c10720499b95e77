import type * as grpc from '@grpc/grpc-js';
import type { ChannelOptions, PodwireChannel } from 'podwire';
import { afterEach, beforeEach } from 'vitest';
import { createChannel } from './channel.ts';
import { type OrdersClient, ordersClient } from './orders-client.ts';
import { type OrdersServer, startOrdersServer } from './orders-server.ts';

/** For each test of a file a server, and channels that are closed after the test. */
export class OrdersFixture {
  server!: OrdersServer;
  readonly #channels: PodwireChannel[] = [];

  constructor() {
    beforeEach(async () => {
      this.server = await startOrdersServer();
    });
    afterEach(async () => {
      await Promise.all(this.#channels.splice(0).map((channel) => channel.close({ graceMs: 0 })));
      await this.server.stop();
    });
  }

  /** A client of the server, over a channel of its own. */
  client(options: ChannelOptions = {}, clientOptions: grpc.ClientOptions = {}): OrdersClient {
    return ordersClient(this.channel(`static:///${this.server.address}`, options), clientOptions);
  }

  channel(target: string, options: ChannelOptions = {}): PodwireChannel {
    const channel = createChannel(target, options);
    this.#channels.push(channel);
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
