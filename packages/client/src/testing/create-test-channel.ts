import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { type ChannelOptions, channelOver, type PodwireChannel } from '../index.ts';
import { memorySockets } from './memory-socket.ts';

/**
 * A channel to an implementation of a service in the same process, for unit tests: no socket, no port and no registry.
 * Calls go through podwire's HTTP/2 client to a real grpc-js server, so deadlines, metadata, cancelling and statuses are
 * those of production. It takes call credentials, because nothing leaves the process. `close()` also ends the server.
 * Throws `InvalidInput` for an option that is wrong or means nothing here. Needs @grpc/grpc-js 1.13 or later.
 *
 * @example
 * const channel = createTestChannel(OrdersService, { get: (call, callback) => callback(null, { id: call.request.id }) });
 * const client = new OrdersClient('orders', credentials.createInsecure(), { channelOverride: channel });
 */
export function createTestChannel(
  service: ServiceDefinition,
  implementation: UntypedServiceImplementation,
  options?: ChannelOptions,
): PodwireChannel;
/**
 * The same with the caller's own server, which may have several services, interceptors and options. It need not be bound, and the caller
 * shuts it down.
 */
export function createTestChannel(server: Server, options?: ChannelOptions): PodwireChannel;
export function createTestChannel(
  first: Server | ServiceDefinition,
  second: UntypedServiceImplementation | ChannelOptions = {},
  third: ChannelOptions = {},
): PodwireChannel {
  if (isServer(first)) return open(first, second as ChannelOptions, () => {});
  const server = new Server();
  server.addService(first, second as UntypedServiceImplementation);
  return open(server, third, () => server.forceShutdown());
}

/** Looks at its methods instead of its class: a test runner may have loaded grpc-js twice. */
function isServer(value: Server | ServiceDefinition): value is Server {
  return typeof (value as Server).addService === 'function';
}

function open(server: Server, options: ChannelOptions, onClosed: () => void): PodwireChannel {
  if (typeof server.createConnectionInjector !== 'function')
    throw new Error('createTestChannel needs @grpc/grpc-js 1.13 or later, whose servers take connections');
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const openSocket = () => {
    const sockets = memorySockets();
    injector.injectConnection(sockets.server);
    return sockets.client;
  };
  return channelOver(options, openSocket, () => {
    injector.destroy();
    onClosed();
  });
}
