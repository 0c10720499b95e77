import * as grpc from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import { type Order, ordersService } from './orders-client.ts';

/** A grpc-js server that counts what it gets. */
export interface OrdersServer {
  readonly address: string;
  readonly port: number;
  /** Calls that reached a handler. */
  calls: number;
  /** The last call's metadata. */
  metadata: grpc.Metadata;
  /** When set, unary calls are given to it instead of being answered. */
  onGet:
    | ((call: grpc.ServerUnaryCall<Order, Order>, callback: grpc.sendUnaryData<Order>) => void)
    | undefined;
  onChat: ((call: grpc.ServerDuplexStream<Order, Order>) => void) | undefined;
  readonly server: grpc.Server;
  stop(): Promise<void>;
}

export interface OrdersServerOptions {
  readonly port?: number;
  readonly credentials?: grpc.ServerCredentials;
  readonly options?: grpc.ServerOptions;
}

/** The same, stopped after the test and after the channels that were opened later. */
export async function openOrdersServer(options?: OrdersServerOptions): Promise<OrdersServer> {
  const server = await startOrdersServer(options);
  onTestFinished(() => server.stop());
  return server;
}

export async function startOrdersServer(options: OrdersServerOptions = {}): Promise<OrdersServer> {
  const server = new grpc.Server(options.options);
  const started: { -readonly [K in keyof OrdersServer]: OrdersServer[K] } = {
    address: '',
    port: 0,
    calls: 0,
    metadata: new grpc.Metadata(),
    onGet: undefined,
    onChat: undefined,
    server,
    stop: async () => server.forceShutdown(),
  };
  const seen = (call: { metadata: grpc.Metadata }) => {
    started.calls += 1;
    started.metadata = call.metadata;
  };
  server.addService(ordersService, {
    get(call: grpc.ServerUnaryCall<Order, Order>, callback: grpc.sendUnaryData<Order>) {
      seen(call);
      if (started.onGet !== undefined) started.onGet(call, callback);
      else callback(null, { ...call.request, pod: started.address });
    },
    collect(call: grpc.ServerReadableStream<Order, Order>, callback: grpc.sendUnaryData<Order>) {
      seen(call);
      let count = 0;
      call.on('data', () => {
        count += 1;
      });
      call.on('end', () => callback(null, { id: '', body: Buffer.alloc(0), count, pod: started.address }));
    },
    list(call: grpc.ServerWritableStream<Order, Order>) {
      seen(call);
      for (let i = 0; i < call.request.count; i++)
        call.write({ ...call.request, count: i, pod: started.address });
      call.end();
    },
    chat(call: grpc.ServerDuplexStream<Order, Order>) {
      seen(call);
      if (started.onChat !== undefined) return started.onChat(call);
      call.on('data', (order: Order) => call.write({ ...order, pod: started.address }));
      call.on('end', () => call.end());
    },
  });
  const credentials = options.credentials ?? grpc.ServerCredentials.createInsecure();
  started.port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${options.port ?? 0}`, credentials, (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
  started.address = `127.0.0.1:${started.port}`;
  return started;
}
