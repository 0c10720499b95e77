// The service that the Pods of a run have. Messages are bytes, so that protobuf costs nothing.
import * as grpc from '@grpc/grpc-js';

const same = (bytes) => bytes;
const method = (name, streams = {}) => ({
  path: `/promises.Fleet/${name}`,
  requestStream: false,
  responseStream: false,
  ...streams,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});

/** A generated client, unmodified. A rule of a Pod may name the method. */
export const FleetClient = grpc.makeGenericClientConstructor(
  {
    ...Object.fromEntries(['Unary', 'Quick', 'Slow', 'Wrong'].map((name) => [name, method(name)])),
    Download: method('Download', { responseStream: true }),
    Upload: method('Upload', { requestStream: true }),
  },
  'Fleet',
);
