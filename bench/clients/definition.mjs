import * as grpc from '@grpc/grpc-js';

const same = (bytes) => bytes;
const method = (name, stream) => ({
  path: `/bench.Echo/${name}`,
  requestStream: stream,
  responseStream: stream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});

/** A generated client whose messages are bytes, so that protobuf costs nothing on either side. */
export const EchoClient = grpc.makeGenericClientConstructor(
  { unary: method('Unary', false), bidi: method('Bidi', true) },
  'Echo',
);

/** What the workloads need of any client, on top of a grpc-js one. */
export function fromGrpcClient(client, close) {
  return {
    unary: (message, done) => client.unary(message, done),
    bidi(onMessage, onEnd) {
      const call = client.bidi();
      call.on('data', onMessage);
      call.on('error', onEnd);
      call.on('end', () => onEnd());
      return { write: (message) => call.write(message), end: () => call.end() };
    },
    close,
  };
}
