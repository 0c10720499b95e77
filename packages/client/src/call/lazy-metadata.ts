import { inspect } from 'node:util';
import { Metadata, type MetadataOptions } from '@grpc/grpc-js';
import type { RawHeaders } from '@podwire/http2';
import { type MetadataValues, valuesOf } from './metadata.ts';

const NO_OPTIONS: MetadataOptions = Object.freeze({});

/**
 * grpc-js Metadata that is filled when somebody looks at it: few callers do, and the map is a tenth of what a call allocates.
 * All methods are those of `Metadata`, which read this one field.
 */
class LazyMetadata {
  options: MetadataOptions = NO_OPTIONS;
  readonly #headers: RawHeaders;
  #values: MetadataValues | undefined;

  constructor(headers: RawHeaders) {
    this.#headers = headers;
  }

  get internalRepr(): MetadataValues {
    this.#values ??= valuesOf(toMetadata(this.#headers))!;
    return this.#values;
  }

  /** Whether nobody put anything in, nor could have. */
  get isUntouched(): boolean {
    return this.#values === undefined && this.#headers.length === 0;
  }

  [inspect.custom](): MetadataValues {
    return this.internalRepr;
  }
}
Object.setPrototypeOf(LazyMetadata.prototype, Metadata.prototype);

/** A grpc-js that keeps its values elsewhere gets metadata that are filled at once. */
const canWait = valuesOf(new Metadata()) !== undefined;

/** Received headers as grpc-js metadata. */
export function receivedMetadata(headers: RawHeaders): Metadata {
  return canWait ? (new LazyMetadata(headers) as unknown as Metadata) : toMetadata(headers);
}

const NO_HEADERS: RawHeaders = [];

/** What `new Metadata()` makes, for a caller that gave none. */
export function emptyMetadata(): Metadata {
  return receivedMetadata(NO_HEADERS);
}

/**
 * Received headers as grpc-js metadata, filled at once: `-bin` values may be comma-joined lists, with or without padding. What
 * HTTP/2 allows and grpc-js refuses, values in UTF-8 for example, is left out, as grpc-js does.
 */
export function toMetadata(headers: RawHeaders): Metadata {
  const metadata = new Metadata();
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!;
    if (name.charCodeAt(0) === 58) continue;
    if (name === 'grpc-status' || name === 'grpc-message') continue;
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
    // Whoever asks for it gets what he gets of a header that was not sent.
  }
}
