import { InvalidInput, NOT_SHOWN } from '@podwire/core';
import type { RawHeaders } from '@podwire/http2';

/** Attributes whose names begin with this are headers of every call on the Pod: `header.tri-service-version`. */
const PREFIX = 'header.';
/** Tokens of RFC 9110 §5.6.2 in lower case, limited to the characters of gRPC metadata (gRPC over HTTP/2, "Custom-Metadata"). */
const NAME = /^[0-9a-z_.-]{1,128}$/;
const VALUE = /^[\x20-\x7e]{0,4096}$/;
/** Headers that belong to the protocol: neither a registry nor a config may set them. */
const RESERVED: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'te',
  'user-agent',
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);
/** Metadata that identifies the caller: a registry must not speak for the caller. */
const CREDENTIALS = new Set(['authorization', 'proxy-authorization', 'cookie']);

/** The JSON Schema of the headers that {@link headerAttributes} accepts. */
export const headersSchema = {
  type: 'object',
  propertyNames: {
    pattern: NAME.source,
    not: { anyOf: [{ pattern: '^grpc-' }, { enum: [...RESERVED, ...CREDENTIALS] }] },
  },
  additionalProperties: { type: 'string', pattern: VALUE.source },
} as const;

export const NO_HEADERS: RawHeaders = Object.freeze([]) as RawHeaders;

/** The headers that an endpoint's attributes ask for, flat. A header that could not be sent unchanged is left out. */
export function endpointHeaders(attributes: Readonly<Record<string, string>>): RawHeaders {
  let headers: string[] | undefined;
  for (const key in attributes) {
    if (!key.startsWith(PREFIX)) continue;
    const name = key.slice(PREFIX.length);
    const value = attributes[key]!;
    if (!NAME.test(name) || !VALUE.test(value) || isReserved(name) || CREDENTIALS.has(name)) continue;
    headers ??= [];
    headers.push(name, value);
  }
  return headers ?? NO_HEADERS;
}

/** The attributes that ask for these headers. Throws {@link InvalidInput} for a header that could not be sent unchanged. */
export function headerAttributes(headers: unknown, path: string): Readonly<Record<string, string>> {
  if (headers === undefined) return {};
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    throw new InvalidInput(path, headers, 'must be an object of header names and values');
  }
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const attribute = { [PREFIX + name]: value as string };
    if (typeof value !== 'string' || endpointHeaders(attribute).length === 0) {
      throw new InvalidInput(
        `${path}.${name}`,
        NOT_SHOWN,
        'must be a lower-case name and a value of printable ASCII, and not one of gRPC, HTTP or credentials',
      );
    }
    Object.assign(attributes, attribute);
  }
  return attributes;
}

/** The call's headers and the Pod's. A header that the call sets itself overrides the Pod's. */
export function withHeaders(call: RawHeaders, pod: RawHeaders): RawHeaders {
  if (pod.length === 0) return call;
  if (call.length === 0) return pod;
  const more: string[] = [];
  for (let i = 0; i < pod.length; i += 2) if (!sets(call, pod[i]!)) more.push(pod[i]!, pod[i + 1]!);
  return more.length === 0 ? call : call.concat(more);
}

function sets(headers: RawHeaders, name: string): boolean {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return true;
  return false;
}

function isReserved(name: string): boolean {
  return name.startsWith('grpc-') || RESERVED.has(name);
}
