import type { Metadata, MetadataValue } from '@grpc/grpc-js';
import type { RawHeaders } from '@podwire/http2';

/** Headers that belong to the protocol; a call's metadata can't set them, and they are not given to the user. */
export const RESERVED: ReadonlySet<string> = new Set([
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

/** How grpc-js keeps metadata. */
export type MetadataValues = Map<string, MetadataValue[]>;

/** The map inside grpc-js's metadata, which is there in every version so far; undefined where it is not. */
export function valuesOf(metadata: Metadata): MetadataValues | undefined {
  const { internalRepr } = metadata as unknown as { internalRepr?: unknown };
  return internalRepr instanceof Map ? internalRepr : undefined;
}

/** Whether a call may not set it, because it belongs to the protocol. */
export function isReserved(name: string): boolean {
  return name.charCodeAt(0) === 58 /* : */ || name.startsWith('grpc-') || RESERVED.has(name);
}

/** Whether there is nothing in it, as far as can be told without a copy. */
export function isEmpty(metadata: Metadata): boolean {
  return (metadata as { readonly isUntouched?: boolean }).isUntouched || valuesOf(metadata)?.size === 0;
}

/** Appends a call's metadata to flat headers, `-bin` values in base64; returns its size as RFC 9113 §6.5.2 counts. */
export function appendMetadata(metadata: Metadata, out: string[]): number {
  const values = valuesOf(metadata);
  let bytes = 0;
  for (const name of values?.keys() ?? Object.keys(metadata.getMap())) {
    if (isReserved(name) && name !== 'grpc-tags-bin' && name !== 'grpc-trace-bin') continue;
    for (const value of metadata.get(name)) {
      const text = typeof value === 'string' ? value : value.toString('base64');
      out.push(name, text);
      bytes += name.length + text.length + 32;
    }
  }
  return bytes;
}

/** The first value of a header, or undefined. */
export function header(headers: RawHeaders, name: string): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
  return undefined;
}
