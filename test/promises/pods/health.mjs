// `grpc.health.v1.Health/Watch` of a Pod: what it says of itself, and each change.

/** The message of a status: 1 is SERVING, 2 is NOT_SERVING (field 1, varint), framed as gRPC frames messages. */
const message = (status) => Buffer.from([0, 0, 0, 0, 2, 0x08, status]);

/** 'serving', 'not serving', or undefined for a server without the service. */
let health;
const watchers = new Set();

/** Whether the call was one of the health service. */
export function serveHealth(stream, method) {
  if (method !== '/grpc.health.v1.Health/Watch' || health === undefined) return false;
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
  stream.write(message(health));
  watchers.add(stream);
  stream.once('close', () => watchers.delete(stream));
  return true;
}

/** @param {boolean} serving */
export function setHealth(serving) {
  health = serving ? 1 : 2;
  for (const stream of watchers) stream.write(message(health));
}
