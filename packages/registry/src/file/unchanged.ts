import type { Endpoint, EndpointInput } from '../endpoint.ts';

/**
 * Whether an input describes a known endpoint of the same address without any change, so that it needs neither checks nor a new
 * object. This holds for nearly all of ten thousand Pods.
 */
export function isUnchanged(input: EndpointInput, endpoint: Endpoint): boolean {
  const { weight, zone, phase, attributes } = input;
  const same =
    (weight ?? 1) === endpoint.weight && zone === endpoint.zone && (phase ?? 'serving') === endpoint.phase;
  if (!same || !sameAttributes(attributes, endpoint.attributes)) return false;
  // An input with any other key goes through the checks.
  let more = -1;
  for (const _key in input) more += 1;
  if (weight !== undefined) more -= 1;
  if (zone !== undefined) more -= 1;
  if (phase !== undefined) more -= 1;
  if (attributes !== undefined) more -= 1;
  return more === 0;
}

function sameAttributes(said: unknown, known: Readonly<Record<string, string>>): boolean {
  let left = 0;
  for (const _key in known) left += 1;
  if (said === undefined) return left === 0;
  if (typeof said !== 'object' || said === null || Array.isArray(said)) return false;
  for (const key of Object.keys(said)) {
    if (Reflect.get(said, key) !== known[key]) return false;
    left -= 1;
  }
  return left === 0;
}
