import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { contextOf } from './context.ts';

const pem = (name: string) => readFileSync(new URL(`../../../../test/certs/${name}.pem`, import.meta.url));

test('the same options are parsed once, others and changed ones anew', () => {
  const tls: { ca: Buffer; serverName: string } = { ca: pem('ca-one'), serverName: 'localhost' };
  const first = contextOf(tls);
  expect(contextOf(tls)).toBe(first);
  expect(contextOf({ ...tls })).not.toBe(first);
  tls.ca = pem('ca-two');
  const changed = contextOf(tls);
  expect(changed).not.toBe(first);
  expect(contextOf(tls)).toBe(changed);
});

test('what OpenSSL does not take is an error each time', () => {
  const tls = { cert: 'no certificate', serverName: 'localhost' };
  expect(() => contextOf(tls)).toThrow();
  expect(() => contextOf(tls)).toThrow();
});
