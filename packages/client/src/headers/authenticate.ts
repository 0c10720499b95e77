import type { CallCredentials, Metadata } from '@grpc/grpc-js';
import { show } from '@podwire/core';

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
