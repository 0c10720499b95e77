import { status as Status } from '@grpc/grpc-js';
import { messageOf } from '@podwire/core';

/** Codes that only a server may give: https://github.com/grpc/proposal/blob/master/A54-restrict-control-plane-status-codes.md */
const OF_SERVERS: ReadonlySet<number> = new Set([
  Status.OK,
  Status.INVALID_ARGUMENT,
  Status.NOT_FOUND,
  Status.ALREADY_EXISTS,
  Status.FAILED_PRECONDITION,
  Status.ABORTED,
  Status.OUT_OF_RANGE,
  Status.DATA_LOSS,
]);

/** The status of a call whose credentials failed: the one that their error names, else UNAUTHENTICATED. */
export function credentialsFailure(error: unknown): { readonly code: Status; readonly text: string } {
  const code = (error as { code?: unknown } | null)?.code;
  const why = messageOf(error);
  if (typeof code !== 'number' || Status[code] === undefined)
    return { code: Status.UNAUTHENTICATED, text: `call credentials failed: ${why}` };
  // The code is that of the token service, not of the service that is called.
  if (OF_SERVERS.has(code))
    return { code: Status.INTERNAL, text: `call credentials failed with ${code} ${Status[code]}: ${why}` };
  return { code, text: `call credentials failed: ${why}` };
}
