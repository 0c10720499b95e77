import { parse } from 'yaml';
import { type Endpoint, type EndpointInput, InvalidInput, toEndpoint } from '../endpoint.ts';
import { checkKeys } from '../nearest.ts';

/** A document larger than this is refused unread. */
export const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;

const ENDPOINT_KEYS = ['address', 'host', 'port', 'weight', 'zone', 'phase', 'attributes'];

/**
 * The Pods of one service in a document `{"services":{"orders":{"endpoints":[{"address":"10.0.0.1:50051"}]}}}`,
 * JSON or YAML. Undefined when the document does not name the service. Throws {@link InvalidInput} with the path to
 * what is wrong: a document is taken whole or not at all.
 */
export function readDocument(text: string, service: string): readonly Endpoint[] | undefined {
  const { services } = checkKeys(parseText(text), ['services'], '');
  if (typeof services !== 'object' || services === null || Array.isArray(services)) {
    throw new InvalidInput('services', services, 'must be an object of services by name');
  }
  if (!Object.hasOwn(services, service)) return undefined;
  const path = `services.${service}`;
  const { endpoints: inputs } = checkKeys(Reflect.get(services, service), ['endpoints'], path);
  if (!Array.isArray(inputs)) throw new InvalidInput(`${path}.endpoints`, inputs, 'must be an array');
  const endpoints = new Map<string, Endpoint>();
  for (const [i, input] of inputs.entries()) {
    checkKeys(input, ENDPOINT_KEYS, `${path}.endpoints[${i}]`);
    const endpoint = toEndpoint(input as EndpointInput, `${path}.endpoints[${i}]`);
    endpoints.set(endpoint.id, endpoint);
  }
  return [...endpoints.values()];
}

function parseText(text: string): unknown {
  try {
    // Most documents are JSON, which YAML's parser takes a hundred times longer over.
    if (/^\s*\{/.test(text)) return JSON.parse(text);
  } catch {
    // A flow mapping of YAML begins with a brace too.
  }
  try {
    // Aliases can make a small document expand without bound.
    return parse(text, { maxAliasCount: 100, prettyErrors: true });
  } catch (error) {
    throw new InvalidInput(
      'document',
      text.slice(0, 60),
      `is neither JSON nor YAML: ${(error as Error).message}`,
    );
  }
}
