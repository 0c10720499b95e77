import { Metadata } from '@grpc/grpc-js';
import { hashKey } from '@podwire/balancer';
import { checkKeys, InvalidInput, messageOf, type Random, show } from '@podwire/core';
import type { HashKeyInfo } from './channel-options.ts';
import { HEADER_NAME, matching } from './check.ts';

/** The option `hashKey`. */
export type HashKeyOption = { readonly header: string } | ((info: HashKeyInfo) => string | undefined);

/** Checks the option `hashKey`. Throws {@link InvalidInput}. */
export function parseHashKey(value: unknown, path: string): HashKeyOption | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'function') return value as (info: HashKeyInfo) => string | undefined;
  if (typeof value !== 'object' || value === null)
    throw new InvalidInput(path, value, "must be { header: '…' } or a function");
  const header = matching(checkKeys(value, ['header'], path).header, `${path}.header`, HEADER_NAME);
  if (header === undefined) throw new InvalidInput(`${path}.header`, header, "must be a header's name");
  return { header: header.toLowerCase() };
}

/**
 * The hash of a call's key, for the hash policies. Calls without a key get random hashes, so that they spread over all Pods (gRFC A42:
 * "a random hash"). Throws an Error when the user's function fails.
 */
export function hashOf(
  option: HashKeyOption | undefined,
  method: string,
  metadata: Metadata | undefined,
  random: Random,
): number {
  const key =
    typeof option === 'function'
      ? keyFrom(option, { method, metadata: metadata ?? new Metadata() })
      : option && metadata?.get(option.header)[0]?.toString();
  return key === undefined ? Math.floor(random() * 2 ** 32) : hashKey(key);
}

function keyFrom(option: (info: HashKeyInfo) => unknown, info: HashKeyInfo): string | undefined {
  let key: unknown;
  try {
    key = option(info);
  } catch (error) {
    throw new Error(`hashKey threw: ${messageOf(error)}`);
  }
  if (typeof key === 'string') return key;
  if (key === undefined || key === null) return undefined;
  throw new Error(`hashKey returned ${show(key)}, which is no string`);
}
