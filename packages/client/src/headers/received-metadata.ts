import { Metadata } from '@grpc/grpc-js';
import type { RawHeaders } from '@podwire/http2';

/** Fields that grpc-js leaves out of metadata. */
const OF_STATUS = new Set(['grpc-status', 'grpc-message']);
const OF_MESSAGES = new Set(['grpc-encoding', 'grpc-accept-encoding']);

/**
 * Received headers as grpc-js metadata. Each call gets a new object, because its receiver may change it. `-bin` values may be
 * comma-joined lists, with or without padding. Values that HTTP/2 allows and grpc-js refuses, for example in UTF-8, are left
 * out, as in grpc-js.
 */
export function toMetadata(headers: RawHeaders): Metadata {
  return fill(new Metadata(), headers, OF_STATUS);
}

/** The metadata at the beginning of a reply, without the fields about compression. */
export function initialMetadata(headers: RawHeaders): Metadata {
  return fill(new Metadata(), headers, OF_MESSAGES);
}

function fill(metadata: Metadata, headers: RawHeaders, without: ReadonlySet<string>): Metadata {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!;
    if (name.charCodeAt(0) === 58 || without.has(name)) continue;
    const value = headers[i + 1]!;
    if (name.endsWith('-bin')) {
      for (const part of value.split(',')) add(metadata, name, Buffer.from(part.trim(), 'base64'));
    } else {
      add(metadata, name, value);
    }
  }
  return metadata;
}

function add(metadata: Metadata, name: string, value: string | Buffer): void {
  try {
    metadata.add(name, value);
  } catch {
    // Dropped: reading it returns the same as reading an absent header.
  }
}
