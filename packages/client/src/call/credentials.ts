import { type CallCredentials, type Metadata, status as Status } from '@grpc/grpc-js';

/**
 * The metadata that a call's credentials add, merged over the call's own.
 * `authority` is the host the call is meant for, `path` its `/package.Service/Method`.
 */
export async function authenticate(
  credentials: CallCredentials,
  metadata: Metadata,
  authority: string,
  path: string,
): Promise<Metadata> {
  const service = path.slice(0, path.lastIndexOf('/'));
  // Default port stripped, as the gRPC auth plugins of all languages expect: an audience names no port 443.
  const host = authority.replace(/:443$/, '');
  const added = await credentials.generateMetadata({
    method_name: path.slice(path.lastIndexOf('/') + 1),
    service_url: `https://${host}${service}`,
  });
  const merged = metadata.clone();
  merged.merge(added);
  return merged;
}

/** What a call whose credentials failed ends with: the status that they name themselves, else UNAUTHENTICATED. */
export function credentialsFailure(error: unknown): { readonly code: Status; readonly text: string } {
  const code = (error as { code?: unknown } | null)?.code;
  const known = typeof code === 'number' && Status[code] !== undefined;
  const text = `call credentials failed: ${error instanceof Error ? error.message : String(error)}`;
  return { code: known ? code : Status.UNAUTHENTICATED, text };
}
