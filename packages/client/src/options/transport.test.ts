import { expect, test } from 'vitest';
import { parseTransport } from './transport.ts';

test.each([
  ['bun', 'Bun'],
  ['deno', 'Deno'],
])("on %s only podwire's own HTTP/2 is supported, and the error says so", (key, name) => {
  const versions = { ...process.versions, [key]: '2.0.0' };
  expect(parseTransport('http2', 'options.transport', versions).name).toBe('http2');
  expect(parseTransport('node-http2', 'options.transport').name).toBe('node-http2');
  expect(() => parseTransport('node-http2', 'options.transport', versions)).toThrow(
    `options.transport: "node-http2" is not supported on ${name}, whose node:http2 differs from Node's: leave it out, or set 'http2'`,
  );
});
