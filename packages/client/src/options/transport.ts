import { InvalidInput, unknownWord } from '@podwire/core';
import { nodeHttp2Transport, ownHttp2Transport, type Transport } from '@podwire/http2';

const TRANSPORTS: Readonly<Record<string, Transport>> = {
  http2: ownHttp2Transport,
  'node-http2': nodeHttp2Transport,
};
export const transportNames: readonly string[] = Object.keys(TRANSPORTS);

/** Runtimes with an implementation of node:http2 of their own, by their keys in `process.versions`. */
const REWRITES = { bun: 'Bun', deno: 'Deno' };

/** Checks the option `transport`. Throws {@link InvalidInput}. */
export function parseTransport(value: unknown, path: string, versions = process.versions): Transport {
  const transport =
    typeof value === 'string' && transportNames.includes(value) ? TRANSPORTS[value] : undefined;
  if (transport === undefined)
    throw new InvalidInput(path, value, unknownWord(String(value), transportNames));
  for (const [key, name] of Object.entries(REWRITES)) {
    if (transport === nodeHttp2Transport && versions[key] !== undefined) {
      const rule = `is not supported on ${name}, whose node:http2 differs from Node's: leave it out, or set 'http2', podwire's own`;
      throw new InvalidInput(path, value, rule);
    }
  }
  return transport;
}
