import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { InvalidInput } from '@podwire/core';
import { type Endpoint, sameEndpoint, toEndpoint } from '@podwire/registry';
import { VirtualClock } from '@podwire/registry/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ApiClient } from '../api/client.ts';
import { KubernetesError } from '../api/error.ts';
import { list } from '../api/list.ts';
import { watch } from '../api/watch.ts';
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

/** Another run: PODWIRE_SEED=7 npx vitest run packages/registry-kubernetes/src/slices/hostile */
const SEED = Number(process.env.PODWIRE_SEED ?? 1);
const TIMEOUT = { timeout: 60_000 };
const signal = new AbortController().signal;
const service = { namespace: 'prod', name: 'orders' };

/** The object as it is used. Throws when an endpoint is invalid, or one is lost of which nothing is said. */
function check(resource: Resource, document: unknown): ReadonlyMap<string, Endpoint> {
  const object = readObject(resource, document, service, () => undefined);
  if ('unusable' in object) {
    assert(/metadata.name: |: (namespace|service): .* must be/.test(object.unusable));
    return new Map();
  }
  const { endpoints, dropped } = new Viewer({ by: 'only' }, ADDRESS_TYPES).view([object]);
  for (const endpoint of endpoints.values()) assert(sameEndpoint(toEndpoint(endpoint), endpoint));
  assert(dropped.every((line) => line.length < 1_000) && dropped.length <= 22);
  const known = object.slices.reduce((sum, { members, notReady }) => sum + members.length + notReady, 0);
  const told = known >= membersOf(document) || dropped.length > 0;
  // Ports of other protocols than TCP are not a fault, and no calls go there.
  assert(told || !/"protocol":"TCP"/.test(JSON.stringify(document)), `${known} of ${membersOf(document)}`);
  return endpoints;
}

/** How many members a document lists, right or wrong. */
function membersOf(document: unknown): number {
  const { endpoints, subsets } = document as { endpoints?: unknown; subsets?: unknown };
  const length = (list: unknown) => (Array.isArray(list) ? list.length : 0);
  if (!Array.isArray(subsets)) return length(endpoints);
  return subsets.reduce((sum: number, subset) => sum + length(subset?.addresses), 0);
}

describe(`documents that are mutated (seed ${SEED})`, () => {
  it.each([
    { what: 'an EndpointSlice', resource: ENDPOINT_SLICES, document: SLICE, numRuns: 10_000 },
    { what: 'an Endpoints object', resource: ENDPOINTS, document: ENDPOINTS_OBJECT, numRuns: 5_000 },
  ])('$numRuns of $what', TIMEOUT, ({ resource, document, numRuns }) => {
    expect(check(resource, structuredClone(document)).size).toBe(3);
    const property = fc.property(mutations, fc.nat(3), fc.boolean(), (changes, at, inList) => {
      const copy = structuredClone(document);
      const list: unknown[] = 'subsets' in copy ? copy.subsets[0]!.addresses : copy.endpoints;
      for (const change of changes) mutate(inList ? list : copy, change);
      if (!inList) return check(resource, copy).size >= 0;
      // A good one among broken ones is never lost.
      list.splice(at, 0, 'subsets' in copy ? { ip: GOOD } : { addresses: [GOOD] });
      return check(resource, copy).has(`${GOOD}:50051`);
    });
    fc.assert(property, { numRuns, seed: SEED });
  });

  it('2500 lists', TIMEOUT, async () => {
    const answer = { kind: 'EndpointSliceList', metadata: { resourceVersion: '42' }, items: [SLICE] };
    const property = fc.asyncProperty(mutations, async (changes) => {
      const copy = structuredClone(answer);
      for (const change of changes) mutate(copy, change);
      const pages = [copy, { items: [{ ...SLICE, metadata: { name: 'good' } }] }];
      const client = { getJson: async () => pages.shift() } as unknown as ApiClient;
      const begin = () => ({ put: (item: unknown) => void check(ENDPOINT_SLICES, item) });
      await list(client, ENDPOINT_SLICES, service, signal, begin).catch((error: unknown) => {
        if (!(error instanceof KubernetesError)) throw error;
      });
    });
    await fc.assert(property, { numRuns: 2_500, seed: SEED });
  });

  it('2500 lines of watches, and the good ones before them', TIMEOUT, async () => {
    const good = { type: 'ADDED', object: SLICE };
    const lines = fc.constantFrom<object>(
      { type: 'MODIFIED', object: SLICE },
      { type: 'DELETED', object: SLICE },
      { type: 'BOOKMARK', object: { metadata: { resourceVersion: '43' } } },
      { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } },
    );
    const property = fc.asyncProperty(lines, mutations, async (line, changes) => {
      const copy = structuredClone(line);
      for (const change of changes) mutate(copy, change);
      const body = Readable.from([Buffer.from(`${JSON.stringify(good)}\n${JSON.stringify(copy)}\n`)]);
      const client = { get: async () => ({ asked: {}, body }) } as unknown as ApiClient;
      const events = watch(client, new VirtualClock(), {
        ...{ resource: ENDPOINT_SLICES, service, resourceVersion: '1', timeoutSeconds: 1 },
        ...{ idleTimeoutMs: 1_000, signal, onSent() {}, onOpen() {} },
      });
      const seen: unknown[] = [];
      try {
        for await (const { type, object } of events) {
          seen.push(type);
          if (type !== 'DELETED' && type !== 'BOOKMARK') check(ENDPOINT_SLICES, object);
        }
      } catch (error) {
        if (!(error instanceof KubernetesError)) throw error;
      }
      assert.equal(seen[0], 'ADDED');
    });
    await fc.assert(property, { numRuns: 2_500, seed: SEED });
  });
});

describe('what is dropped', () => {
  const read = (document: object) => {
    const object = readObject(ENDPOINT_SLICES, document, service, () => undefined);
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
    const after = readObject(ENDPOINT_SLICES, broken, service, () => before);
    if ('unusable' in after) throw new InvalidInput('object', after, 'must be usable');
    expect(after.slices).toBe(before.slices);
    expect(after.dropped).toEqual(['endpointslices/orders-abc.endpoints: "none" must be a list']);
  });
});
