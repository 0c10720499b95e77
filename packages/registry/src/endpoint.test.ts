import { describe, expect, it } from 'vitest';
import { InvalidInput, parseAddress, sameEndpoint, toEndpoint } from './endpoint.ts';

describe('toEndpoint', () => {
  it('gives defaults and an id', () => {
    expect(toEndpoint({ address: '10.0.0.1:50051' })).toMatchObject({
      id: '10.0.0.1:50051',
      host: '10.0.0.1',
      port: 50051,
      weight: 1,
      phase: 'serving',
    });
  });
  it('takes IPv6 in brackets', () => {
    expect(toEndpoint({ address: '[FD00::1]:80' })).toMatchObject({ id: '[fd00::1]:80', host: 'fd00::1' });
    expect(toEndpoint({ host: 'fd00::1', port: 80 }).id).toBe('[fd00::1]:80');
  });
  it.each([
    [{ address: '10.0.0.1' }, 'endpoint.address: "10.0.0.1" must be host:port, or [host]:port for IPv6'],
    [{ address: '10.0.0.1:0' }, 'must be a port'],
    [{ address: '10.0.0.1:65536' }, 'must be a port'],
    [{ address: '10.0.0.300:1' }, 'must be an IP address or a DNS name'],
    [{ host: 'a b', port: 1 }, 'endpoint.host: "a b" must be'],
    [{ host: 'a', port: '1' }, 'endpoint.port: "1" must be a port'],
    [{ address: 'a:1', weight: Number.NaN }, 'endpoint.weight: NaN must be a finite number'],
    [{ address: 'a:1', weight: -1 }, 'endpoint.weight: -1 must be'],
    [{ address: 'a:1', phase: 'gone' }, 'endpoint.phase: "gone" must be'],
    [{ address: 'a:1', zone: '' }, 'endpoint.zone: "" must be'],
    [{ address: 'a:1', attributes: { a: 1 } }, 'endpoint.attributes.a: 1 must be a string'],
    [null, 'endpoint: null must be an object'],
  ])('rejects %j with the path, the value and the rule', (input, message) => {
    expect(() => toEndpoint(input as object)).toThrow(message);
  });
  it('keeps __proto__ an ordinary attribute', () => {
    const endpoint = toEndpoint({ address: 'a:1', attributes: JSON.parse('{"__proto__":"x"}') });
    expect(Object.keys(endpoint.attributes)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
  it('compares by value', () => {
    const a = toEndpoint({ address: 'a:1', attributes: { v: '1' } });
    expect(sameEndpoint(a, toEndpoint({ address: 'a:1', attributes: { v: '1' } }))).toBe(true);
    expect(sameEndpoint(a, toEndpoint({ address: 'a:1', attributes: { v: '2' } }))).toBe(false);
    expect(sameEndpoint(a, toEndpoint({ address: 'a:1', weight: 2, attributes: { v: '1' } }))).toBe(false);
  });
  it('parses an address', () => expect(parseAddress('[::1]:5', 'p')).toEqual({ host: '::1', port: 5 }));
});

it('shows no password of a URL that breaks a rule', () => {
  const error = new InvalidInput('servers[0]', 'http://nacos:s3cret@nacos.prod:8848', 'must be host:port');
  expect(error.message).toBe('servers[0]: "http://…@nacos.prod:8848" must be host:port');
});
