import { checkKeys, InvalidInput, NOT_SHOWN, type Turns } from '@podwire/core';
import { ENDPOINT_KEYS, type Endpoint, type EndpointInput, toEndpoint } from '../endpoint.ts';
import { EndpointTable } from '../endpoint-table.ts';
import { parseYaml, withoutMark } from '../yaml.ts';
import { EarlierDocument, type Reuse } from './earlier-document.ts';
import { isUnchanged } from './unchanged.ts';

/** A document larger than this is refused unread. */
export const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;

/** YAML's parser blocks the event loop for a second with this much text; JSON's takes milliseconds. */
const MAX_YAML_CHARACTERS = 256 * 1024;

/** How many endpoints are compared with those of the previous document between two looks at the clock. */
const PART = 256;

/**
 * The Pods of one service in a document `{"services":{"orders":{"endpoints":[{"address":"10.0.0.1:50051"}]}}}`, JSON or YAML, and in
 * the documents that take its place.
 */
export class DocumentReader {
  readonly #service: string;
  readonly #known = new EndpointTable();
  #earlier: EarlierDocument | undefined;

  constructor(service: string) {
    this.#service = service;
  }

  /**
   * Undefined when the document does not name the service. Throws {@link InvalidInput} with the path to the bad value: a document is
   * used whole or not at all. Unchanged endpoints stay the same objects. Parsing blocks the event loop; all later work is done in
   * `turns`.
   */
  async read(bytes: Buffer, turns: Turns): Promise<readonly Endpoint[] | undefined> {
    const reuse = this.#earlier?.reuse(bytes, (id) => this.#known.has(id));
    if (reuse !== undefined) {
      await complete(reuse, this.#service, turns);
      this.#earlier = reuse.next();
      return this.#take(reuse.endpoints);
    }
    const { value, isJson } = parseText(bytes.toString('utf8'));
    const endpoints = await readDocument(value, this.#service, turns, this.#known);
    if (endpoints === undefined) return undefined;
    if (turns.over) await turns.next();
    this.#earlier = isJson ? EarlierDocument.of(bytes, this.#service, endpoints) : undefined;
    return this.#take(endpoints);
  }

  #take(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    this.#known.apply({ type: 'reset', endpoints });
    return this.#known.list;
  }
}

async function complete({ endpoints, said }: Reuse, service: string, turns: Turns): Promise<void> {
  for (const [i, input] of said) {
    endpoints[i] = check(input, pathOf(service, i));
    if (turns.over) await turns.next();
  }
}

const pathOf = (service: string, i: number) => `services.${service}.endpoints[${i}]`;

async function readDocument(
  value: unknown,
  service: string,
  turns: Turns,
  known: EndpointTable,
): Promise<readonly Endpoint[] | undefined> {
  const { services } = checkKeys(value, ['services'], '');
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
    if (differs) endpoints.push(check(inputs[i], pathOf(service, i)));
    if (turns.over) await turns.next();
  }
}

/** The previous document's endpoints. The new ones usually have the same order, and then no id has to be looked up. */
class Earlier {
  readonly #table: EndpointTable;
  readonly #list: readonly Endpoint[];
  #at = 0;

  constructor(table: EndpointTable) {
    this.#table = table;
    this.#list = table.list;
  }

  /**
   * Adds to `endpoints` the next inputs that are unchanged, {@link PART} at most. Whether it stopped at an input that changed.
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

  /** The known endpoint at an address that is in podwire's own spelling. */
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

function parseText(given: string): { readonly value: unknown; readonly isJson: boolean } {
  const text = decoded(given);
  const isJson = /^\s*\{/.test(text);
  let notJson = '';
  try {
    // Most documents are JSON, for which YAML's parser takes a hundred times longer.
    if (isJson) return { value: JSON.parse(text), isJson };
  } catch (error) {
    notJson = (error as Error).message;
    // A flow mapping of YAML begins with a brace too, but a text that ends too soon is neither.
    if (endsTooSoon(notJson, text) || text.length > MAX_YAML_CHARACTERS)
      throw new InvalidInput('document', text.slice(0, 60), `is not JSON: ${notJson}`);
  }
  if (text.length > MAX_YAML_CHARACTERS) {
    const rule = `is YAML of more than ${MAX_YAML_CHARACTERS} characters: write it as JSON`;
    throw new InvalidInput('document', text.slice(0, 60), rule);
  }
  try {
    return { value: parseYaml(text), isJson: false };
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

/** Whether the text is a beginning of JSON, such as of a file that is being written. YAML's parser would take long to reject it. */
function endsTooSoon(message: string, text: string): boolean {
  const at = Number(/\bposition (\d+)/.exec(message)?.[1] ?? 0);
  return at >= text.trimEnd().length || /\b(end of|EOF|unterminated)\b/i.test(message);
}
