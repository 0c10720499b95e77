import { expect, it } from 'vitest';
import { readOptions } from '../options.ts';
import { parseServiceRef } from '../service-ref.ts';
import { host } from '../testing/fake-nacos.ts';
import { readInstances } from './instances.ts';

const settings = readOptions({ servers: ['nacos'] });
const read = (hosts: unknown, target = 'orders') =>
  readInstances(hosts, parseServiceRef(target, settings), settings);
const all = (hosts: unknown, target?: string) => [...read(hosts, target).endpoints.values()];

it('reads weight, state, zone and metadata', () => {
  const metadata = { zone: 'a', version: 'v2' };
  const list = [host(1, { weight: 0, metadata }), host(2, { healthy: false }), host(3, { enabled: false })];
  expect(all(list)).toMatchObject([
    { id: '10.0.0.1:1', weight: 0, zone: 'a', phase: 'serving', attributes: metadata },
    { id: '10.0.0.1:3', phase: 'draining' },
  ]);
});

it('reads an address however it is spelled, and one that is listed twice once', () => {
  // Spring Cloud registers IPv6 in brackets; Java writes an interface to it.
  const list = ['[fd00::1]', 'fd00:0:0:0:0:0:0:1', 'fd00::1%eth0', '::ffff:10.0.0.1', '10.0.0.1'];
  const { endpoints, dropped } = read(list.map((ip) => host(80, { ip })));
  expect([...endpoints.keys()]).toEqual(['[fd00::1]:80', '10.0.0.1:80']);
  expect(dropped).toEqual([]);
});

it('filters by cluster and by metadata', () => {
  const list = [
    host(1, { clusterName: 'a' }),
    host(2, { clusterName: 'b', metadata: { env: 'x' } }),
    host(3),
  ];
  expect(all(list, 'orders?clusters=a,b').map(({ port }) => port)).toEqual([1, 2]);
  expect(all(list, 'orders?metadata.env=x').map(({ port }) => port)).toEqual([2]);
});

it('gives the headers that a version and a group of Dubbo need, and leaves out other protocols', () => {
  const metadata = {
    side: 'provider',
    interface: 'shop.Orders',
    protocol: 'tri',
    version: '1',
    group: 'g',
    weight: '0',
  };
  const list = [host(1, { metadata }), host(2, { metadata: { ...metadata, protocol: 'dubbo' } })];
  const { endpoints, dropped } = read(list, 'shop.Orders?dubbo=interface&version=1&serviceGroup=g');
  expect([...endpoints.values()]).toMatchObject([
    { weight: 1, attributes: { 'header.tri-service-version': '1', 'header.tri-service-group': 'g' } },
  ]);
  expect(dropped).toEqual([expect.stringMatching(/^hosts\[1\]\.metadata\.protocol: "dubbo" must be 'tri'/)]);
});

it('counts what it does not name', () => {
  expect(read(Array.from({ length: 50 }, () => host(0))).dropped).toHaveLength(21);
});

it('takes the port of gRPC from metadata, and its own where there is none', () => {
  const spring = readOptions({ servers: ['nacos'], portKey: ['gRPC_port', 'gRPC.port'] });
  const with_ = (metadata: object, port = 8080) => host(port, { metadata });
  const { endpoints, dropped } = readInstances(
    [
      with_({ gRPC_port: '9090' }),
      with_({ 'gRPC.port': '9091' }),
      with_({ gRPC_port: '9092', 'gRPC.port': '1' }),
      with_({ gRPC_port: '' }, 9093),
      with_({}, 9094),
      ...['-1', '0', '65536', '90x', '1e3', ' 9090', '9090.5', null, true, [], {}].map((gRPC_port) =>
        with_({ gRPC_port: gRPC_port ?? 'null' }),
      ),
    ],
    parseServiceRef('orders', spring),
    spring,
  );
  expect([...endpoints.values()].map(({ port }) => port)).toEqual([9090, 9091, 9092, 9093, 9094]);
  expect(dropped).toHaveLength(11);
  expect(dropped[0]).toBe(
    'hosts[5].metadata[\'gRPC_port\']: "-1" must be a port, an integer from 1 to 65535',
  );
  expect(all([with_({ gRPC_port: '9090' })]).map(({ port }) => port)).toEqual([8080]);
});
