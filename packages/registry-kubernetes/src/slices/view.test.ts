import { describe, expect, it } from 'vitest';
import { parseServiceRef } from '../service-ref.ts';
import { type PodDraft, slice } from '../testing/fixture.ts';
import { ENDPOINT_SLICES, ENDPOINTS, readObject } from './resource.ts';
import { ADDRESS_TYPES, type AddressType, type ServiceObject } from './service-object.ts';
import { Viewer } from './view.ts';

function read(draft: Record<string, unknown>, resource = ENDPOINT_SLICES): ServiceObject {
  const { name, ...rest } = draft;
  const metadata = { name, uid: `uid-${name}`, resourceVersion: '7' };
  const service = { namespace: 'prod', name: 'orders' };
  const document: unknown = JSON.parse(JSON.stringify({ metadata, ...rest }));
  const object = readObject(resource, document, service, () => undefined);
  if ('unusable' in object) throw new Error(object.unusable);
  return object;
}

function view(
  objects: readonly ServiceObject[],
  target = 'orders',
  types: readonly AddressType[] = ADDRESS_TYPES,
) {
  return new Viewer(parseServiceRef(target).port, types).view(objects);
}

const phases = (pod: PodDraft) =>
  [...view([read(slice('a', [pod]))]).endpoints.values()].map(({ phase }) => phase).join() || 'none';

describe('conditions mean what the API says', () => {
  const nil = null;
  it.each([
    [true, true, false, 'serving'],
    [nil, nil, nil, 'serving'],
    [nil, false, nil, 'serving'],
    [true, nil, nil, 'serving'],
    [false, false, false, 'none'],
    [false, nil, nil, 'none'],
    [false, true, true, 'draining'],
    [false, false, true, 'none'],
    [false, nil, true, 'none'],
    [nil, nil, true, 'draining'],
    [true, true, true, 'draining'],
  ])('ready %s, serving %s, terminating %s: %s', (ready, serving, terminating, phase) => {
    expect(phases({ ip: '10.0.0.1', ready, serving, terminating })).toBe(phase);
  });

  it('an endpoint without conditions is serving', () => {
    const object = read({
      name: 'a',
      addressType: 'IPv4',
      ports: [{ port: 1 }],
      endpoints: [{ addresses: ['10.0.0.1'] }],
    });
    expect([...view([object]).endpoints.keys()]).toEqual(['10.0.0.1:1']);
  });
});

describe('the set of a service', () => {
  it('is the union of its slices', () => {
    const objects = [
      read(slice('a', [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }])),
      read(slice('b', [])),
      read({ name: 'c', addressType: 'IPv4', endpoints: null, ports: null }),
      read(slice('d', [{ ip: '10.0.0.3' }])),
    ];
    expect([...view(objects).endpoints.keys()]).toEqual([
      '10.0.0.1:50051',
      '10.0.0.2:50051',
      '10.0.0.3:50051',
    ]);
  });

  it('has an endpoint that moves between slices once, and serving if one of them says so', () => {
    const leaving = read(slice('a', [{ ip: '10.0.0.1', ready: false, terminating: true }]));
    const serving = read(slice('b', [{ ip: '10.0.0.1' }]));
    for (const order of [
      [leaving, serving],
      [serving, leaving],
    ]) {
      expect([...view(order).endpoints.values()].map(({ id, phase }) => [id, phase])).toEqual([
        ['10.0.0.1:50051', 'serving'],
      ]);
    }
  });

  it('has IPv4, IPv6 and named hosts, and a Pod with two addresses once', () => {
    const pod = (address: string, uid: string) => ({
      addresses: [address],
      targetRef: { kind: 'Pod', name: `pod-${uid}`, uid },
    });
    const ports = [{ name: 'grpc', port: 50051 }];
    const objects = [
      read({ name: 'v6', addressType: 'IPv6', ports, endpoints: [pod('fd00::1', '1'), pod('fd00::2', '2')] }),
      read({ name: 'v4', addressType: 'IPv4', ports, endpoints: [pod('10.0.0.1', '1')] }),
      read({ name: 'fqdn', addressType: 'FQDN', ports, endpoints: [{ addresses: ['db.example.com'] }] }),
    ];
    const ids = ['10.0.0.1:50051', '[fd00::2]:50051', 'db.example.com:50051'];
    // A whole name, which the system must not search for.
    expect(view(objects).endpoints.get('db.example.com:50051')).toMatchObject({ host: 'db.example.com.' });
    expect([...view(objects).endpoints.keys()]).toEqual(ids);
    const v6First = ['[fd00::1]:50051', '[fd00::2]:50051'];
    expect([...view(objects, 'orders', ['IPv6', 'IPv4']).endpoints.keys()]).toEqual(v6First);
    const none = view([objects[2]!], 'orders', ['IPv4']);
    expect(none.empty).toBe('its Pods have only FQDN addresses, which options.addressTypes leaves out');
  });

  it('knows zone, node, Pod and hints', () => {
    const endpoint = {
      addresses: ['10.0.0.1', '10.0.0.9'],
      zone: 'z1',
      nodeName: 'node-1',
      hostname: 'orders-0',
      targetRef: { kind: 'Pod', name: 'orders-0', uid: 'u' },
      hints: { forZones: [{ name: 'z1' }, { name: 'z2' }], forNodes: [{ name: 'node-1' }] },
    };
    const old = { addresses: ['10.0.0.2'], deprecatedTopology: { 'topology.kubernetes.io/zone': 'z3' } };
    const object = read({ ...slice('a', []), endpoints: [endpoint, old] });
    const [first, second] = [...view([object]).endpoints.values()];
    expect(first?.zone).toBe('z1');
    expect({ ...first?.attributes }).toEqual({
      node: 'node-1',
      hostname: 'orders-0',
      pod: 'orders-0',
      'hint-zones': 'z1,z2',
      'hint-nodes': 'node-1',
    });
    expect(second?.zone).toBe('z3');
  });

  it('says why it is empty', () => {
    expect(view([]).empty).toBe('it has no Pods');
    const objects = [
      read(
        slice('a', [
          { ip: '10.0.0.1', ready: false },
          { ip: '10.0.0.2', ready: false },
        ]),
      ),
    ];
    expect(view(objects).empty).toBe('none of its 2 Pods is ready');
  });
});

describe('the port', () => {
  const pods = [{ ip: '10.0.0.1' }];
  const ports = [
    { name: 'http', port: 8080 },
    { name: 'grpc', port: 9090 },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ];
  const several = read(slice('a', pods, { ports }));
  const first = (target: string, object: ServiceObject) => [...view([object], target).endpoints.keys()][0];

  it.each([
    ['by name', 'orders:http', '10.0.0.1:8080'],
    ['by number', 'orders:8080', '10.0.0.1:8080'],
    ['the one called grpc when none is named', 'orders', '10.0.0.1:9090'],
  ])('is found %s', (_how, target, id) => {
    expect(first(target, several)).toBe(id);
  });

  it('may differ between slices under one name', () => {
    const other = read(slice('b', [{ ip: '10.0.0.2' }], { ports: [{ name: 'grpc', port: 9999 }] }));
    const ids = ['10.0.0.1:9090', '10.0.0.2:9999'];
    expect([...view([several, other], 'orders:grpc').endpoints.keys()]).toEqual(ids);
  });

  it('is the one that speaks gRPC when none is called so', () => {
    const spoken = [
      { name: 'a', port: 1 },
      { name: 'b', port: 2, appProtocol: 'kubernetes.io/h2c' },
    ];
    expect(first('orders', read(slice('a', pods, { ports: spoken })))).toBe('10.0.0.1:2');
  });

  const lacks = (name: string, ip: string, ports: unknown = []) => read(slice(name, [{ ip }], { ports }));
  const has = (name: string, ip: string, port = 50051) =>
    read(slice(name, [{ ip }], { ports: [{ name: 'grpc', port }] }));
  const ids = (objects: readonly ServiceObject[], target: string) => [
    ...view(objects, target).endpoints.keys(),
  ];

  it.each([[[]], [null], [undefined]])(
    'is not any port in a slice that has %s, while another slice of the Service has one',
    (none) => {
      const objects = [has('a', '10.0.0.1'), lacks('b', '10.0.0.2', none)];
      expect(ids(objects, 'orders:50051')).toEqual(['10.0.0.1:50051']);
      expect(view(objects, 'orders:50051').dropped).toEqual([
        "endpointslices/b: 1 Pods are left out: no Pod has the port 50051 (the Pod's own is meant, not the Service's): their slices have no ports (10.0.0.2)",
      ]);
      for (const target of ['orders:grpc', 'orders'])
        expect(ids(objects, target)).toEqual(['10.0.0.1:50051']);
    },
  );

  it('is not any port while the Pods that have one are not ready, or are of another protocol', () => {
    const notReady = read(slice('a', [{ ip: '10.0.0.1', ready: false }]));
    expect(ids([notReady, lacks('b', '10.0.0.2')], 'orders:50051')).toEqual([]);
    const udp = lacks('a', '10.0.0.1', [{ name: 'dns', port: 53, protocol: 'UDP' }]);
    expect(ids([udp, lacks('b', '10.0.0.2')], 'orders:53')).toEqual([]);
    expect(view([udp], 'orders:53').empty).toContain('the Pods have no TCP port that can be used');
    const broken = lacks('a', '10.0.0.1', [{ name: 'grpc', port: 'x' }]);
    expect(ids([broken, lacks('b', '10.0.0.2')], 'orders:50051')).toEqual([]);
  });

  it('follows when slices with ports come and go', () => {
    const viewer = new Viewer(parseServiceRef('orders:7000').port, ADDRESS_TYPES);
    const free = lacks('b', '10.0.0.2');
    const keys = (objects: readonly ServiceObject[]) => [...viewer.view(objects).endpoints.keys()];
    expect(keys([free])).toEqual(['10.0.0.2:7000']);
    expect(keys([has('a', '10.0.0.1', 7000), free])).toEqual(['10.0.0.1:7000']);
    expect(keys([free])).toEqual(['10.0.0.2:7000']);
  });

  it('is the only one of the Service, not the only one of Pods that lack another', () => {
    const http = { name: 'http', port: 8080 };
    const whole = lacks('a', '10.0.0.1', [http, { name: 'grpc', port: 9090 }]);
    const objects = [whole, lacks('b', '10.0.0.2', [http])];
    expect(ids(objects, 'orders')).toEqual(['10.0.0.1:9090']);
    expect(view(objects, 'orders').dropped[0]).toContain(
      "the target names no port, and these Pods lack the one called 'grpc': the Pods have http=8080 (10.0.0.2)",
    );
    const spoken = [http, { name: 'rpc', port: 9090, appProtocol: 'grpc' }];
    expect(ids([lacks('a', '10.0.0.1', spoken), lacks('b', '10.0.0.2', [http])], 'orders')).toEqual([
      '10.0.0.1:9090',
    ]);
    const other = [
      lacks('a', '10.0.0.1', [{ name: 'a', port: 1 }]),
      lacks('b', '10.0.0.2', [{ name: 'b', port: 2 }]),
    ];
    expect(ids(other, 'orders')).toEqual([]);
    expect(view(other, 'orders').empty).toContain('the Pods have a=1, b=2');
  });

  it('that an entry leaves open is any number, in that slice alone', () => {
    const open = lacks('a', '10.0.0.1', [{ name: 'grpc', port: null }]);
    const objects = [open, lacks('b', '10.0.0.2'), has('c', '10.0.0.3', 7000), has('d', '10.0.0.4', 7001)];
    expect(ids(objects, 'orders:7000')).toEqual(['10.0.0.1:7000', '10.0.0.3:7000']);
    expect(ids(objects, 'orders:grpc')).toEqual(['10.0.0.3:7000', '10.0.0.4:7001']);
    expect(view([open], 'orders:grpc').empty).toBe(
      "the port called 'grpc' has no number: name one in the target",
    );
    const udp = lacks('a', '10.0.0.1', [{ name: 'grpc', port: null, protocol: 'UDP' }]);
    expect(ids([udp], 'orders:7000')).toEqual([]);
  });

  it('names the Pods that are left out for it, as far as a message goes', () => {
    const endpoints = Array.from({ length: 50 }, (_, i) => ({
      addresses: [`10.0.1.${i}`],
      targetRef: { kind: 'Pod', name: `orders-${i}`, uid: `uid-${i}` },
    }));
    const { dropped } = view(
      [has('a', '10.0.0.1'), read({ ...slice('b', []), ports: [{ name: 'http', port: 80 }], endpoints })],
      'orders:grpc',
    );
    expect(dropped).toHaveLength(1);
    expect(dropped[0]).toContain(
      "endpointslices/b: 50 Pods are left out: no port is called 'grpc': the Pods have http=80 (orders-0 at 10.0.1.0, orders-1 at 10.0.1.1, ",
    );
    expect(dropped[0]).toMatch(/, and \d+ more\)$/);
    expect(dropped[0]!.length).toBeLessThan(600);
    const many = Array.from({ length: 30 }, (_, i) => lacks(`c-${i}`, `10.0.2.${i}`));
    const all = view([has('a', '10.0.0.1'), ...many], 'orders:grpc').dropped;
    expect(all).toHaveLength(21);
    expect(all.at(-1)).toBe('10 more Pods are left out for their port');
  });

  it('is taken as it is where the Service defines none, or all', () => {
    for (const none of [null, [], [{ port: null }]]) {
      expect(first('orders:7000', read(slice('a', pods, { ports: none })))).toBe('10.0.0.1:7000');
    }
  });

  it.each([
    ['orders:rpc', "no port is called 'rpc': the Pods have http=8080, grpc=9090"],
    [
      'orders:80',
      "no Pod has the port 80 (the Pod's own is meant, not the Service's): the Pods have http=8080, grpc=9090",
    ],
  ])('%s that nobody has is told, with those there are', (target, why) => {
    expect(view([several], target).empty).toBe(why);
  });

  it.each([
    ['grpc', 'grpc'],
    [undefined, ''],
  ])('that is the only one and has no number is asked for (%s)', (name, called) => {
    expect(view([read(slice('a', pods, { ports: [{ name, port: null }] }))]).empty).toBe(
      `the port called '${called}' has no number: name one in the target`,
    );
  });

  it('that could be any of several is asked for', () => {
    const two = read(
      slice('a', pods, {
        ports: [
          { name: 'a', port: 1 },
          { name: 'b', port: 2 },
        ],
      }),
    );
    expect(view([two]).empty).toContain(
      'the target names no port and none is called grpc: the Pods have a=1, b=2',
    );
  });
});

describe('Endpoints', () => {
  it('without ports are not called by number while others have one', () => {
    const subset = (ip: string, ports?: unknown) => ({ addresses: [{ ip }], ports });
    const ids = (...subsets: readonly object[]) => [
      ...view([read({ name: 'orders', subsets }, ENDPOINTS)], 'orders:7000').endpoints.keys(),
    ];
    expect(ids(subset('10.0.0.1'), subset('10.0.0.2', null))).toEqual(['10.0.0.1:7000', '10.0.0.2:7000']);
    expect(ids(subset('10.0.0.1'), subset('10.0.0.2', [{ port: 7000 }]))).toEqual(['10.0.0.2:7000']);
  });

  it('give what they know', () => {
    const object = read(
      {
        name: 'orders',
        subsets: [
          {
            addresses: [{ ip: '10.0.0.1', nodeName: 'n1' }, { ip: 'fd00::1' }],
            ports: [{ name: 'grpc', port: 1 }],
          },
          { notReadyAddresses: [{ ip: '10.0.0.2' }], ports: [{ name: 'grpc', port: 1 }] },
          { addresses: [{ ip: '10.0.0.3' }], ports: [{ name: 'grpc', port: 2 }] },
        ],
      },
      ENDPOINTS,
    );
    const ids = ['10.0.0.1:1', '10.0.0.3:2', '[fd00::1]:1'];
    expect([...view([object]).endpoints.keys()]).toEqual(ids);
    expect(view([object]).endpoints.get('10.0.0.1:1')?.attributes.node).toBe('n1');
  });
});
