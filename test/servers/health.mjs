// @ts-check
// gRPC's health check (https://github.com/grpc/grpc/blob/master/doc/health-checking.md), as a kubelet's probe asks it.
import { Client, credentials } from '@grpc/grpc-js';

const TIMEOUT_MS = 1_000;
const SERVING = Buffer.from([0x08, 0x01]);
const raw = (/** @type {Buffer} */ bytes) => bytes;

/** Whether the whole server says SERVING. @param {string} address @returns {Promise<boolean>} */
export function healthOf(address) {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const deadline = Date.now() + TIMEOUT_MS;
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      raw,
      raw,
      Buffer.alloc(0),
      { deadline },
      (error, reply) => {
        client.close();
        resolve(error === null && reply !== undefined && SERVING.equals(reply));
      },
    );
  });
}
