import type { Metadata, MetadataValue } from '@grpc/grpc-js';
import type { RawHeaders } from '@podwire/http2';

/** How grpc-js keeps metadata. */
export type MetadataValues = Map<string, MetadataValue[]>;

/** The map inside grpc-js's metadata, which is there in every version so far; undefined where it is not. */
export function valuesOf(metadata: Metadata): MetadataValues | undefined {
  const { internalRepr } = metadata as unknown as { internalRepr?: unknown };
  return internalRepr instanceof Map ? internalRepr : undefined;
}

/** The first value of a header, or undefined. */
export function header(headers: RawHeaders, name: string): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
  return undefined;
}
