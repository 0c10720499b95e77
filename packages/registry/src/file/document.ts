import {
  ENDPOINT_KEYS,
  type Endpoint,
  type EndpointInput,
  InvalidInput,
  NOT_SHOWN,
  toEndpoint,
} from '../endpoint.ts';
import type { EndpointTable } from '../endpoint-table.ts';
import { checkKeys } from '../nearest.ts';
import type { Turns } from '../wait.ts';
import { parseYaml, withoutMark } from '../yaml.ts';
import { isUnchanged } from './unchanged.ts';

/** A document larger than this is refused unread. */
export const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;

/** YAML's parser takes a second for as much, in which nothing else runs; JSON's takes milliseconds. */
const MAX_YAML_CHARACTERS = 256 * 1024;

/** So many endpoints are compared with those of the document before between two looks at the clock. */
const PART = 256;

/**
 * The Pods of one service in a document `{"services":{"orders":{"endpoints":[{"address":"10.0.0.1:50051"}]}}}`,
 * JSON or YAML. Undefined when the document does not name the service. Throws {@link InvalidInput} with the path to
 * what is wrong: a document is taken whole or not at all. Endpoints of `known` that it describes again are taken
 * from there. Parsing is one piece of work, all that follows is done in `turns`.
 */
export async function readDocument(
  text: string,
  service: string,
  turns: Turns,
  known: EndpointTable,
): Promise<readonly Endpoint[] | undefined> {
  const { services } = checkKeys(parseText(text), ['services'], '');
  if (typeof services !== 'object' || services === null || Array.isArray(services)) {
    throw new InvalidInput('services', services, 'must be an object of services by name');
  }
  if (!Object.hasOwn(services, service)) return undefined;
  const path = `services.${service}`;
  const { endpoints: inputs } = checkKeys(Reflect.get(services, service), ['endpoints'], path);
  if (!Array.isArray(inputs)) throw new InvalidInput(`${path}.endpoints`, inputs, 'must be an array');
  const endpoints: Endpoint[] = [];
  const earlier = new Earlier(known);
  for (;;) {
    const differs = earlier.take(inputs, endpoints);
    const i = endpoints.length;
    if (i === inputs.length) return endpoints;
    if (differs) endpoints.push(check(inputs[i], `${path}.endpoints[${i}]`));
    if (turns.over) await turns.next();
  }
}

/** The endpoints of the document before, which most often come in the same order: then no id need be looked up. */
class Earlier {
  readonly #table: EndpointTable;
  readonly #list: readonly Endpoint[];
  #at = 0;

  constructor(table: EndpointTable) {
    this.#table = table;
    this.#list = table.list;
  }

  /**
   * Adds to `endpoints` those of the inputs that come next and say what they said before, {@link PART} at most. Whether it
   * stopped at one that says something else.
   */
  take(inputs: readonly unknown[], endpoints: Endpoint[]): boolean {
    const end = Math.min(inputs.length, endpoints.length + PART);
    for (let i = endpoints.length; i < end; i++) {
      const input = inputs[i] as EndpointInput | null;
      const before = this.#find(input?.address);
      if (before === undefined || !isUnchanged(input!, before)) return true;
      endpoints.push(before);
    }
    return false;
  }

  /** The one at that address, when it is written as podwire itself writes it. */
  #find(address: unknown): Endpoint | undefined {
    if (typeof address !== 'string') return undefined;
    const next = this.#list[this.#at];
    const found = next?.id === address ? next : this.#table.get(address);
    // The dot at the end of a name is not in the id.
    if (found === undefined || found.host.endsWith('.')) return undefined;
    while (this.#at < this.#list.length && this.#list[this.#at++] !== found);
    return found;
  }
}

function check(input: unknown, path: string): Endpoint {
  checkKeys(input, ENDPOINT_KEYS, path);
  return toEndpoint(input as EndpointInput, path);
}

function parseText(given: string): unknown {
  const text = decoded(given);
  const isJson = /^\s*\{/.test(text);
  let notJson = '';
  try {
    // Most documents are JSON, which YAML's parser takes a hundred times longer over.
    if (isJson) return JSON.parse(text);
  } catch (error) {
    notJson = (error as Error).message;
    // A flow mapping of YAML begins with a brace too; one that ends too soon is neither.
    if (endsTooSoon(notJson, text) || text.length > MAX_YAML_CHARACTERS)
      throw new InvalidInput('document', text.slice(0, 60), `is not JSON: ${notJson}`);
  }
  if (text.length > MAX_YAML_CHARACTERS) {
    const rule = `is YAML of more than ${MAX_YAML_CHARACTERS} characters: write it as JSON`;
    throw new InvalidInput('document', text.slice(0, 60), rule);
  }
  try {
    return parseYaml(text);
  } catch (error) {
    const why = (error as Error).message + (isJson ? `; as JSON: ${notJson}` : '');
    throw new InvalidInput('document', text.slice(0, 60), `is neither JSON nor YAML: ${why}`);
  }
}

function decoded(text: string): string {
  try {
    return withoutMark(text);
  } catch (error) {
    throw new InvalidInput('document', NOT_SHOWN, `cannot be read: ${(error as Error).message}`);
  }
}

/** Whether it is the first part of JSON, such as of a file that is being written: YAML's parser would take its time to say so. */
function endsTooSoon(message: string, text: string): boolean {
  const at = Number(/\bposition (\d+)/.exec(message)?.[1] ?? 0);
  return at >= text.trimEnd().length || /\b(end of|EOF|unterminated)\b/i.test(message);
}
