import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

interface Payload {
  readonly body: Buffer;
}
export interface Reply {
  readonly payload: Payload;
}
type Callback<T> = (error: grpc.ServiceError | null, reply?: T) => void;
type Unary<T> = (
  request: object,
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
  callback: Callback<T>,
) => grpc.ClientUnaryCall;

/** The interop service's client, as proto-loader generates it. */
export interface InteropClient extends grpc.Client {
  emptyCall: Unary<object>;
  unaryCall: Unary<Reply>;
  cacheableUnaryCall: Unary<Reply>;
  unimplementedCall: Unary<object>;
  streamingOutputCall(request: object, metadata?: grpc.Metadata): grpc.ClientReadableStream<Reply>;
  streamingInputCall(
    callback: Callback<{ aggregatedPayloadSize: number }>,
  ): grpc.ClientWritableStream<object>;
  fullDuplexCall(
    metadata?: grpc.Metadata,
    options?: grpc.CallOptions,
  ): grpc.ClientDuplexStream<object, Reply>;
}

const path = fileURLToPath(new URL('test.proto', import.meta.url));
const { grpc: loaded } = grpc.loadPackageDefinition(loadSync(path, { defaults: true })) as unknown as {
  grpc: { testing: Record<'TestService' | 'UnimplementedService', grpc.ServiceClientConstructor> };
};

export function interopClient(
  channel: grpc.Channel,
  service: keyof typeof loaded.testing = 'TestService',
): InteropClient {
  const credentials = grpc.credentials.createInsecure();
  return new loaded.testing[service]('interop', credentials, {
    channelOverride: channel,
  }) as unknown as InteropClient;
}

/** A unary call of the interop service as a promise. */
export function call<T>(
  client: InteropClient,
  method: 'emptyCall' | 'unaryCall' | 'cacheableUnaryCall' | 'unimplementedCall',
  request: object,
  metadata: grpc.Metadata = new grpc.Metadata(),
  options: grpc.CallOptions = {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    client[method](request, metadata, options, (error, reply) =>
      error === null ? resolve(reply as T) : reject(error),
    );
  });
}

/** What a stream sent, and its status. */
export function collect(
  stream: grpc.ClientReadableStream<Reply> | grpc.ClientDuplexStream<object, Reply>,
  onReply: (reply: Reply, count: number) => void = () => {},
): Promise<{ readonly sizes: number[]; readonly status: grpc.StatusObject }> {
  return new Promise((resolve) => {
    const sizes: number[] = [];
    stream.on('data', (reply: Reply) => {
      sizes.push(reply.payload.body.length);
      onReply(reply, sizes.length);
    });
    stream.on('error', () => {});
    stream.on('status', (status: grpc.StatusObject) => resolve({ sizes, status }));
  });
}

const { responseSerialize } = loaded.testing.TestService.service.UnaryCall!;
/** A SimpleResponse on the wire. */
export const encodeReply: (reply: Reply) => Buffer = responseSerialize;
