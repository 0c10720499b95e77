import type { ChannelCredentials, ClientOptions } from '@grpc/grpc-js';

/** A generated client class: of proto-loader, ts-proto or grpc-tools, or any that extends grpc-js's `Client`. */
export type ClientClass<C> = new (
  address: string,
  credentials: ChannelCredentials,
  options?: Partial<ClientOptions>,
) => C;
