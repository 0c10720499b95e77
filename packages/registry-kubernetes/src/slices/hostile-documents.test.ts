import assert from 'node:assert/strict';
import { type Endpoint, InvalidInput, sameEndpoint, toEndpoint } from '@podwire/registry';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mutate, mutations } from '../testing/mutations.ts';
import { MAX_MEMBERS } from './read.ts';
import { ENDPOINT_SLICES, ENDPOINTS, type Resource, readObject } from './resource.ts';
import { ADDRESS_TYPES } from './service-object.ts';
import { Viewer } from './view.ts';

const GOOD = '10.9.9.9';

/** As the API server writes it. */
const SLICE = {
  kind: 'EndpointSlice',
  apiVersion: 'discovery.k8s.io/v1',
  metadata: { name: 'orders-abc', namespace: 'prod', uid: 'u-1', resourceVersion: '41' },
  addressType: 'IPv4',
  ports: [{ name: 'grpc', protocol: 'TCP', port: 50051, appProtocol: 'grpc' }],
  endpoints: [1, 2, 3].map((i) => ({
    addresses: [`10.0.0.${i}`],
    conditions: { ready: true, serving: true, terminating: false },
    hostname: `orders-${i}`,
    nodeName: `node-${i}`,
    zone: 'z1',
    hints: { forZones: [{ name: 'z1' }] },
    targetRef: { kind: 'Pod', name: `orders-${i}`, uid: `pod-${i}` },
  })),
};
const ENDPOINTS_OBJECT = {
  metadata: { name: 'orders', uid: 'u-2', resourceVersion: '42' },
  subsets: [
    {
      addresses: [1, 2, 3].map((i) => ({ ip: `10.0.0.${i}`, nodeName: `node-${i}` })),
      notReadyAddresses: [{ ip: '10.0.0.8' }],
      ports: [{ name: 'grpc', protocol: 'TCP', port: 50051 }],
    },
  ],
};

/** Throws when an endpoint is invalid or what was dropped is not said in bounds. */
function check(resource: Resource, document: object): ReadonlyMap<string, Endpoint> {
  const object = readObject(resource, document, () => undefined);
  if ('unusable' in object) return new Map();
  const { endpoints, dropped } = new Viewer({ by: 'only' }, ADDRESS_TYPES).view([object]);
  for (const endpoint of endpoints.values()) assert(sameEndpoint(toEndpoint(endpoint), endpoint));
  assert(dropped.every((line) => line.length < 1_000) && dropped.length <= 22);
  return endpoints;
}

const CASES = [
  { what: 'an EndpointSlice', resource: ENDPOINT_SLICES, document: SLICE, numRuns: 10_000 },
  { what: 'an Endpoints object', resource: ENDPOINTS, document: ENDPOINTS_OBJECT, numRuns: 2_500 },
];

describe.each(CASES)('$what that is mutated', ({ resource, document, numRuns }) => {
  it(`never throws and never gives an invalid endpoint: ${numRuns} documents`, { timeout: 60_000 }, () => {
    expect(check(resource, structuredClone(document)).size).toBe(3);
    const property = fc.property(mutations, (changes) => {
      const copy = structuredClone(document);
      for (const change of changes) mutate(copy, change);
      check(resource, copy);
    });
    fc.assert(property, { numRuns });
  });

  it(`keeps a good endpoint among broken ones: ${numRuns} documents`, { timeout: 60_000 }, () => {
    const property = fc.property(mutations, fc.nat(3), (changes, at) => {
      const copy = structuredClone(document);
      const list: unknown[] = 'subsets' in copy ? copy.subsets[0]!.addresses : copy.endpoints;
      for (const change of changes) mutate(list, change);
      list.splice(at, 0, 'subsets' in copy ? { ip: GOOD } : { addresses: [GOOD] });
      return check(resource, copy).has(`${GOOD}:50051`);
    });
    fc.assert(property, { numRuns });
  });
});

describe('what is dropped', () => {
  const read = (document: object) => {
    const object = readObject(ENDPOINT_SLICES, document, () => undefined);
    if ('unusable' in object) throw new Error(object.unusable);
    return object;
  };

  it('is named with its path, its value and the rule', () => {
    const ports = [
      { name: 'grpc', port: '50051' },
      { name: 'grpc', port: 50051 },
    ];
    const endpoints = [
      { addresses: ['fd00::1'] },
      { addresses: [] },
      7,
      { addresses: ['10.0.0.1'], zone: 9 },
    ];
    const object = read({ ...SLICE, ports, endpoints });
    expect(object.dropped).toEqual([
      'endpointslices/orders-abc.ports[0].port: "50051" must be an integer from 1 to 65535',
      'endpointslices/orders-abc.endpoints[0].addresses[0]: "fd00::1" must be an address of type IPv4',
      'endpointslices/orders-abc.endpoints[1].addresses: [] must be a list of at least one address',
      'endpointslices/orders-abc.endpoints[2]: 7 must be an object',
      'endpointslices/orders-abc.endpoints[3].zone: 9 must be a string of at most 253 characters',
    ]);
    expect(object.slices[0]?.members.map(({ host }) => host)).toEqual(['10.0.0.1']);
  });

  it('is counted beyond the first twenty', () => {
    const object = read({ ...SLICE, endpoints: Array.from({ length: 100 }, () => null) });
    expect(object.dropped).toHaveLength(21);
    expect(object.dropped.at(-1)).toBe('and 80 more');
  });

  it('is what is over the limit, of a million endpoints', () => {
    const endpoints = Array.from({ length: 1_000_000 }, (_, i) => ({
      addresses: [`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`],
    }));
    const object = read({ ...SLICE, endpoints });
    const { endpoints: used } = new Viewer({ by: 'only' }, ADDRESS_TYPES).view([object]);
    expect(used.size).toBe(MAX_MEMBERS);
    expect(object.dropped.at(-1)).toContain(`${1_000_000 - MAX_MEMBERS} more`);
  });

  it('leaves an object of which nothing can be used as it was before', () => {
    const before = read(SLICE);
    const broken = { ...SLICE, metadata: { ...SLICE.metadata, resourceVersion: '43' }, endpoints: 'none' };
    const after = readObject(ENDPOINT_SLICES, broken, () => before);
    if ('unusable' in after) throw new InvalidInput('object', after, 'must be usable');
    expect(after.slices).toBe(before.slices);
    expect(after.dropped).toEqual(['endpointslices/orders-abc.endpoints: "none" must be a list']);
  });
});
