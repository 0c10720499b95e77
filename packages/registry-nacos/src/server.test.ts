import { describe, expect, it } from 'vitest';
import { type NacosOptions, type NacosTls, readOptions } from './options.ts';

const read = (servers: readonly string[], more: Omit<NacosOptions, 'servers'> = {}) =>
  readOptions({ servers, ...more }).servers;
const CA = { ca: 'pem' };

describe('a server', () => {
  it.each([
    ['nacos', 'http://nacos:8848/nacos'],
    ['nacos:80', 'http://nacos:80/nacos'],
    ['10.0.0.1', 'http://10.0.0.1:8848/nacos'],
    ['[fd00::1]', 'http://[fd00::1]:8848/nacos'],
    ['[fd00::1]:8849', 'http://[fd00::1]:8849/nacos'],
    ['http://nacos:8848', 'http://nacos:8848/nacos'],
    ['http://nacos', 'http://nacos:8848/nacos'],
    ['HTTP://nacos:8848/', 'http://nacos:8848/nacos'],
    ['http://nacos:8848/nacos/', 'http://nacos:8848/nacos'],
    ['http://nacos:8848/registry//', 'http://nacos:8848/registry'],
    ['nacos:8848/', 'http://nacos:8848/nacos'],
    ['nacos:8848/nacos', 'http://nacos:8848/nacos'],
    ['http://[fd00::1]:8848', 'http://[fd00::1]:8848/nacos'],
    ['https://nacos', 'https://nacos:8848/nacos'],
    ['https://nacos:443/nacos', 'https://nacos:443/nacos'],
  ])('%s is %s', (server, url) => {
    expect(read([server])[0]?.httpUrl).toBe(url);
  });

  it('is of one address however it is written', () => {
    const [first] = read(['nacos:8848']);
    for (const other of ['http://nacos', 'NACOS', 'http://nacos:8848/nacos/'])
      expect(read([other])[0]).toEqual(first);
  });

  it.each([
    ['grpc://nacos:9848', "gRPC's port is HTTP's plus options.grpcPortOffset"],
    ['nacos:8848,other:8848', 'must be one server: the list has one for each'],
    ['http://user:secret@nacos:8848', 'must not hold a login: set options.username and options.password'],
    ['http://nacos:8848/nacos?x=1', 'must be host, host:port or a URL'],
    ['http://nacos:8848#x', 'must be host, host:port or a URL'],
    ['http://', 'must be'],
    ['http://nacos:x', 'must be'],
    ['', 'must be'],
  ])('%s is refused', (server, said) => {
    expect(() => read([server])).toThrow(said);
    expect(() => read([server])).toThrow('options.servers[0]');
    expect(() => read([server])).not.toThrow('secret');
  });

  it('may not have another path than the option', () => {
    expect(read(['http://nacos:8848'], { contextPath: 'own/' })[0]?.httpUrl).toBe('http://nacos:8848/own');
    expect(read(['nacos/own'], { contextPath: '/own' })[0]?.httpUrl).toBe('http://nacos:8848/own');
    expect(read(['nacos'], { contextPath: '/' })[0]?.httpUrl).toBe('http://nacos:8848');
    expect(() => read(['nacos/nacos'], { contextPath: '/own' })).toThrow(
      'must not have another path than options.contextPath, /own',
    );
  });
});

it('names a port key or several', () => {
  expect(readOptions({ servers: ['nacos'], portKey: 'gRPC_port' }).portKeys).toEqual(['gRPC_port']);
  for (const portKey of [3, '', ['a', '']]) {
    expect(() => readOptions({ servers: ['nacos'], portKey: portKey as never })).toThrow(
      /^options\.portKey: .* must be a name, or a list of names$/,
    );
  }
});

describe('TLS of HTTP and of gRPC', () => {
  it.each([
    ['plaintext', 'nacos', {}, false, false],
    ['both', 'nacos', { tls: CA }, true, true],
    ["gRPC alone, which is Nacos's own way", 'nacos', { tls: CA, httpTls: false }, true, false],
    ['gRPC alone, by the URL', 'http://nacos', { tls: CA }, true, false],
    ['HTTP alone', 'nacos', { httpTls: CA }, false, true],
    ['HTTP alone, by the URL', 'https://nacos', {}, false, true],
    ['both, by URL and option', 'https://nacos', { tls: CA }, true, true],
  ] as const)('%s', (_what, server, options, grpc, http) => {
    const [read_] = read([server], options);
    expect([read_?.grpcTls !== undefined, read_?.httpTls !== undefined]).toEqual([grpc, http]);
    expect(read_?.httpUrl).toMatch(http ? /^https:/ : /^http:/);
  });

  it('has the name of each server, unless one is given', () => {
    const names = (tls: NacosTls) =>
      read(['nacos-0', 'nacos-1.'], { tls }).map(({ grpcTls }) => grpcTls?.serverName);
    expect(names({})).toEqual(['nacos-0', 'nacos-1.']);
    expect(names({ serverName: 'nacos' })).toEqual(['nacos', 'nacos']);
  });

  it.each([
    [['http://nacos'], { httpTls: CA }, 'must be https where options.httpTls is given'],
    [['https://nacos'], { httpTls: false }, 'must not be https where options.httpTls is false'],
    [
      ['http://nacos'],
      { tls: CA, protocol: 'http' },
      "must be https where options.tls is given and protocol is 'http'",
    ],
    [['nacos'], { tls: true }, 'options.tls: true must be an object'],
    [['nacos'], { httpTls: 'x' }, 'options.httpTls: "x" must be an object, or false for plaintext'],
    [['nacos'], { tls: { caFile: 'ca.pem' } }, 'options.tls.caFile is not one of: ca, cert, key'],
    [
      ['nacos'],
      { httpTls: { servername: 'x' } },
      "options.httpTls.servername is unknown; did you mean 'serverName'?",
    ],
  ])('that contradict one another are refused: %j %j', (servers, options, said) => {
    expect(() => read(servers, options as never)).toThrow(said);
  });
});
