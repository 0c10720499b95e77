import { InvalidInput } from '@podwire/core';
import { describe, expect, it } from 'vitest';
import { endpointId, parseAddress, sameEndpoint, toEndpoint } from './endpoint.ts';

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
  it.each([
    [
      '[fd00::1]:80',
      ['[FD00::1]:80', '[fd00:0:0:0:0:0:0:1]:80', '[fd00:0000::0001]:80', '[fd00::0.0.0.1]:80'],
    ],
    ['[fd00::1]:80', ['[fd00::1%eth0]:80', '[fd00::1%3]:80', '[fd00:0:0:0:0:0:0:1%lo]:80']],
    ['[fe80::1%eth0]:80', ['[FE80::1%eth0]:80', '[fe80:0::1%eth0]:80', '[fe80::1%25eth0]:80']],
    ['[fe80::1%Eth0]:80', ['[fe80::1%Eth0]:80']],
    ['[fe80::1]:80', ['[fe80::0:1]:80']],
    [
      '10.0.0.1:80',
      ['10.0.0.1:0080', '[::ffff:10.0.0.1]:80', '[::FFFF:a00:1]:80', '[0:0:0:0:0:ffff:10.0.0.1]:80'],
    ],
    ['10.0.0.1:80', ['[::ffff:10.0.0.1%eth0]:80']],
    ['orders.prod.svc:80', ['Orders.Prod.svc:80', 'orders.prod.svc.:80', 'ORDERS.PROD.SVC.:80']],
    ['[::1]:80', ['[0:0:0:0:0:0:0:1]:80', '[::1%lo]:80', '[0::1]:80']],
    ['[2001:db8::1:0:0:1]:80', ['[2001:db8:0:0:1:0:0:1]:80', '[2001:DB8:0::1:0:0:1]:80']],
  ])('has one id, %s, for one address however it is spelled', (id, spellings) => {
    for (const address of spellings) {
      expect(toEndpoint({ address }).id).toBe(id);
      expect(endpointId(address)).toBe(id);
      const host = address.slice(0, address.lastIndexOf(':'));
      // As Spring Cloud registers it, and as most others do.
      expect(toEndpoint({ host, port: 80 }).id).toBe(id);
      expect(toEndpoint({ host: host.replace(/^\[|\]$/g, ''), port: 80 }).id).toBe(id);
    }
  });
  it.each([
    '010.0.0.1:80', // getaddrinfo takes these for other addresses than people do.
    '10.0.0.01:80',
    '10.1:80',
    '0x0a.0.0.1:80',
    '0x7f000001:80',
    '10.0.0.1.:80',
    '[10.0.0.1]:80',
    '[fd00::1:80',
    '[[fd00::1]]:80',
    '[fd00::1%]:80',
    '[fd00::1%a b]:80',
    '[fd00:::1]:80',
    '[orders]:80',
    'orders..prod:80',
  ])('refuses %s', (address) => {
    expect(() => toEndpoint({ address })).toThrow(InvalidInput);
    expect(endpointId(address)).toBe(address);
  });
  it('keeps the dot that keeps a name from being searched for', () => {
    const whole = toEndpoint({ address: 'Orders.Prod.:80' });
    expect(whole).toMatchObject({ host: 'orders.prod.', id: 'orders.prod:80' });
    expect(sameEndpoint(whole, toEndpoint({ address: 'orders.prod:80' }))).toBe(false);
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
