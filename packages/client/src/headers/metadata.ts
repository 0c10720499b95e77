import type { Metadata, MetadataValue } from '@grpc/grpc-js';

/** How grpc-js keeps metadata. */
export type MetadataValues = Map<string, MetadataValue[]>;

/** The map inside grpc-js's metadata, which is there in every version so far; undefined where it is not. */
export function valuesOf(metadata: Metadata): MetadataValues | undefined {
  const { internalRepr } = metadata as unknown as { internalRepr?: unknown };
  return internalRepr instanceof Map ? internalRepr : undefined;
}
