import type { GrpcCall } from '../call/listener-context.ts';

type WriteContext = Parameters<GrpcCall['sendMessageWithContext']>[0];

/** In grpc-js's clients, a message's write flags (`grpc.writeFlags`) are given in the place of the encoding. */
export function writeContext(encoding: string, callback: () => void): WriteContext {
  const flags = Number(encoding);
  return Number.isNaN(flags) ? { callback } : { callback, flags };
}
