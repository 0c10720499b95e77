import type { GrpcCall } from '../call/listener-context.ts';

type WriteContext = Parameters<GrpcCall['sendMessageWithContext']>[0];

/** grpc-js's clients take a message's write flags (`grpc.writeFlags`) in the place of a stream's encoding. */
export function writeContext(encoding: string, callback: () => void): WriteContext {
  const flags = Number(encoding);
  return Number.isNaN(flags) ? { callback } : { callback, flags };
}
