import { type CallCredentials, type Metadata, status as Status } from '@grpc/grpc-js';
import { messageOf, show } from '@podwire/core';

/**
 * The metadata that a call's credentials add to the call's own.
 * `authority` is the host the call is meant for, `path` its `/package.Service/Method`.
 */
export async function authenticate(
  credentials: CallCredentials,
  authority: string,
  path: string,
): Promise<Metadata> {
  const service = path.slice(0, path.lastIndexOf('/'));
  // As in grpc-js, the path is whole and the host has no port: token sources rely on these texts.
  const host = authority.replace(/:\d+$/, '');
  const added = await credentials.generateMetadata({
    method_name: path,
    service_url: `https://${host}${service}`,
  });
  // Not `instanceof`, because it may be of another copy of grpc-js.
  if (typeof (added as Partial<Metadata> | null)?.getMap !== 'function')
    throw new Error(`they gave ${show(added)}, which is no Metadata`);
  return added;
}

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
