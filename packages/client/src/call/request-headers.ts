import { type Metadata, status as Status } from '@grpc/grpc-js';
import type { RawHeaders } from '@podwire/http2';
import { endpointId } from '@podwire/registry';
import { appendMetadata, isEmpty } from './metadata.ts';

/** Metadata with these names steers podwire and is not sent. */
export const POD_KEY = 'podwire-pod';
export const EXCLUDE_KEY = 'podwire-exclude-pod';

/** A call that cannot be sent as it is. */
export class UnsendableCall extends Error {
  readonly code: Status;
  constructor(code: Status, message: string) {
    super(message);
    this.code = code;
  }
}

/** Metadata flattened once per call, and what it asks of podwire. */
export interface RequestHeaders {
  readonly headers: RawHeaders;
  /** The only Pod this call may go to. */
  readonly pod: string | undefined;
  /** Pods it goes to only when no other is left. */
  readonly exclude: readonly string[] | undefined;
}

const NOTHING: RequestHeaders = { headers: [], pod: undefined, exclude: undefined };
/**
 * Envoy's default limit (`max_request_headers_kb`). A server that refuses a larger list may end the connection and all calls
 * on it; grpc-java takes 8 KiB by default, grpc-go 16 MiB.
 */
const MAX_METADATA_BYTES = 60 * 1024;

/** Flattens a call's metadata; throws {@link UnsendableCall} when a server would have to refuse it. */
export function requestHeaders(metadata: Metadata): RequestHeaders {
  if (isEmpty(metadata)) return NOTHING;
  const headers: string[] = [];
  const bytes = appendMetadata(metadata, headers);
  if (headers.length === 0) return NOTHING;
  if (bytes > MAX_METADATA_BYTES) {
    const text = `metadata of ${bytes} bytes is larger than the limit of ${MAX_METADATA_BYTES}`;
    throw new UnsendableCall(Status.RESOURCE_EXHAUSTED, text);
  }
  let pod: string | undefined;
  let exclude: string[] | undefined;
  for (let i = 0; i < headers.length; ) {
    const name = headers[i]!;
    if (name !== POD_KEY && name !== EXCLUDE_KEY) {
      i += 2;
      continue;
    }
    const value = headers[i + 1]!;
    if (name === POD_KEY) pod = endpointId(value.trim());
    else exclude = [...(exclude ?? []), ...value.split(',').map((id) => endpointId(id.trim()))];
    headers.splice(i, 2);
  }
  return { headers, pod, exclude };
}
