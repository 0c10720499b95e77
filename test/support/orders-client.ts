import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { type ClientClass, createClient, type PodwireChannel } from 'podwire';

export interface Order {
  id: string;
  body: Buffer;
  count: number;
  pod: string;
}
type Sent = Partial<Order>;
type Callback = (error: grpc.ServiceError | null, order?: Order) => void;

/** The client that proto-loader generates, with the types that its type generator gives. */
export interface OrdersClient extends grpc.Client {
  get(order: Sent, callback: Callback): grpc.ClientUnaryCall;
  get(order: Sent, metadata: grpc.Metadata, callback: Callback): grpc.ClientUnaryCall;
  get(
    order: Sent,
    metadata: grpc.Metadata,
    options: grpc.CallOptions,
    callback: Callback,
  ): grpc.ClientUnaryCall;
  collect(
    metadata: grpc.Metadata,
    options: grpc.CallOptions,
    callback: Callback,
  ): grpc.ClientWritableStream<Sent>;
  collect(callback: Callback): grpc.ClientWritableStream<Sent>;
  list(order: Sent, metadata?: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<Order>;
  chat(metadata?: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<Sent, Order>;
}

const path = fileURLToPath(new URL('../proto/orders.proto', import.meta.url));
const loaded = grpc.loadPackageDefinition(loadSync(path, { defaults: true, bytes: Buffer })) as unknown as {
  podwire: { test: { Orders: grpc.ServiceClientConstructor } };
};
/** The class that proto-loader generates. */
export const OrdersConstructor = loaded.podwire.test.Orders;

export const ordersService: grpc.ServiceDefinition = OrdersConstructor.service;

/** `createClient`: tests run with the clients that podwire makes; else with grpc-js's. */
const made = process.env.PODWIRE_TEST_CLIENT === 'createClient';

/** A generated client over any channel. */
export function ordersClient(channel: grpc.ChannelInterface, options: grpc.ClientOptions = {}): OrdersClient {
  if (made && 'snapshot' in channel) {
    const clientClass = OrdersConstructor as unknown as ClientClass<OrdersClient>;
    return createClient(clientClass, channel as PodwireChannel, options);
  }
  const credentials = grpc.credentials.createInsecure();
  return new OrdersConstructor('orders', credentials, {
    ...options,
    channelOverride: channel as grpc.Channel,
  }) as unknown as OrdersClient;
}

/** One unary call as a promise. */
export function get(
  client: OrdersClient,
  order: Sent = {},
  metadata: grpc.Metadata = new grpc.Metadata(),
  options: grpc.CallOptions = {},
): Promise<Order> {
  return new Promise((resolve, reject) => {
    client.get(order, metadata, options, (error, reply) =>
      error === null ? resolve(reply!) : reject(error),
    );
  });
}
