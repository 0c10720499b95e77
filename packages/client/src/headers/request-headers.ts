import { type Metadata, type MetadataValue, status as Status } from '@grpc/grpc-js';
import { header, type RawHeaders } from '@podwire/http2';
import { endpointId } from '@podwire/registry';
import { ruleFor } from './reserved.ts';

/** Metadata with these names steers podwire and is not sent. */
const POD_KEY = 'podwire-pod';
const EXCLUDE_KEY = 'podwire-exclude-pod';

/** A call that cannot be sent as it is. */
export class UnsendableCall extends Error {
  readonly code: Status;
  constructor(code: Status, message: string) {
    super(message);
    this.code = code;
  }
}

/** A call's metadata, flattened once, and its instructions to podwire. */
export interface RequestHeaders {
  readonly headers: RawHeaders;
  /** The headers' size, as RFC 9113 §6.5.2 counts. */
  readonly bytes: number;
  /** The only Pod this call may go to. */
  readonly pod: string | undefined;
  /** Pods it goes to only when no other is left. */
  readonly exclude: readonly string[] | undefined;
}

/** The request headers of a call without metadata. */
export const NO_REQUEST_HEADERS: RequestHeaders = {
  headers: [],
  bytes: 0,
  pod: undefined,
  exclude: undefined,
};
/** What each entry counts besides its name and value (RFC 9113 §6.5.2). */
const ENTRY_BYTES = 32;
/**
 * Envoy's default limit (`max_request_headers_kb`). A server that refuses a larger list may end the connection with all calls
 * on it. By default grpc-java accepts 8 KiB, grpc-go 16 MiB.
 */
const MAX_METADATA_BYTES = 60 * 1024;

/**
 * Flattens a call's metadata as grpc-js sends it, behind the headers flattened `before`. The caller may change the metadata
 * afterwards, for its next call. Throws {@link UnsendableCall} for metadata that no server would accept.
 */
export function requestHeaders(
  metadata: Metadata,
  hasDeadline: boolean,
  before: RequestHeaders,
): RequestHeaders {
  const values = valuesOf(metadata);
  if (values?.size === 0) return before;
  const headers = [...before.headers];
  let { bytes, pod, exclude } = before;
  for (const name of values?.keys() ?? Object.keys(metadata.getMap())) {
    const rule = ruleFor(name);
    if (rule === 'replaced' || (rule === 'timeout' && hasDeadline)) continue;
    if (rule === 'refused')
      throw unsendable(`metadata named ${name} cannot be sent over HTTP/2: leave it out`);
    const all = metadata.get(name);
    // The error is in grpc-js's words.
    if (rule === 'single' && all.length + (header(before.headers, name) === undefined ? 0 : 1) > 1)
      throw unsendable(`"${name}" metadata cannot have multiple values`);
    for (const value of all) {
      const text = typeof value === 'string' ? value : value.toString('base64');
      bytes += name.length + text.length + ENTRY_BYTES;
      if (name === POD_KEY) pod = endpointId(text.trim());
      else if (name === EXCLUDE_KEY)
        exclude = [...(exclude ?? []), ...text.split(',').map((id) => endpointId(id.trim()))];
      else headers.push(name, text);
    }
  }
  if (bytes > MAX_METADATA_BYTES) {
    const text = `metadata of ${bytes} bytes is larger than the limit of ${MAX_METADATA_BYTES}`;
    throw new UnsendableCall(Status.RESOURCE_EXHAUSTED, text);
  }
  return { headers, bytes, pod, exclude };
}

function unsendable(text: string): UnsendableCall {
  return new UnsendableCall(Status.INTERNAL, text);
}

/** The map inside grpc-js's metadata, which is there in every version so far; undefined where it is not. */
function valuesOf(metadata: Metadata): Map<string, MetadataValue[]> | undefined {
  const { internalRepr } = metadata as unknown as { internalRepr?: unknown };
  return internalRepr instanceof Map ? internalRepr : undefined;
}
