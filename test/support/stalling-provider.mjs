// A provider process for tests. A message to it is for how many milliseconds its event loop does nothing.
import * as grpc from '@grpc/grpc-js';

const bytes = (value) => value;
const server = new grpc.Server();
const stream = { requestStream: false, responseStream: false };
const codec = {
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};
server.addService(
  { get: { path: '/test.Stalls/Get', ...stream, ...codec } },
  { get: (call, reply) => reply(null, call.request) },
);
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.send(port);
});
process.on('message', (ms) => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
});
process.on('disconnect', () => process.exit());
