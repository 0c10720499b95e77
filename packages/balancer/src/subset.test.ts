import { toEndpoint } from '@podwire/registry';
import { describe, expect, test } from 'vitest';
import { hashKey } from './hash.ts';
import { selectSubset } from './subset.ts';
import { makePods } from './testing/pods.ts';

const endpoints = makePods(100).map((pod) => pod.endpoint);

describe('a subset', () => {
  test('is the whole when that is small enough, and always the same for the same client', () => {
    expect(selectSubset(endpoints, { size: 100, client: 0 })).toEqual(endpoints);
    expect(selectSubset(endpoints, { size: 10, client: 'pod-a' })).toEqual(
      selectSubset(endpoints, { size: 10, client: 'pod-a' }),
    );
    expect(
      selectSubset([...endpoints].reverse(), { size: 10, client: 3 })
        .map(({ id }) => id)
        .sort(),
    ).toEqual(
      selectSubset(endpoints, { size: 10, client: 3 })
        .map(({ id }) => id)
        .sort(),
    );
  });

  test('is alike in every client, also of Pods whose hashes are equal', () => {
    const [a, b] = ['10.0.107.237:50051', '10.2.219.40:50051'].map((address) => toEndpoint({ address }));
    expect(hashKey(a!.id)).toBe(hashKey(b!.id));
    const options = { size: 1, client: 0 };
    expect(selectSubset([a!, b!], options)).toEqual(selectSubset([b!, a!], options));
  });

  test('changes by one Pod at most when one comes or goes', () => {
    for (let client = 0; client < 50; client++) {
      const before = selectSubset(endpoints, { size: 10, client });
      for (let gone = client % 7; gone < 100; gone += 7) {
        const rest = endpoints.filter((_, i) => i !== gone);
        const after = selectSubset(rest, { size: 10, client });
        expect(after.filter((endpoint) => !before.includes(endpoint)).length).toBeLessThanOrEqual(1);
      }
    }
  });

  test.each([10, 16, 37])('of %i clients by ordinal spreads over the Pods', (clients) => {
    const counts = new Map(endpoints.map(({ id }) => [id, 0]));
    for (let client = 0; client < clients; client++) {
      for (const { id } of selectSubset(endpoints, { size: 20, client })) counts.set(id, counts.get(id)! + 1);
    }
    const mean = (clients * 20) / 100;
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(Math.ceil(mean) + 2);
    expect(Math.min(...counts.values())).toBeGreaterThanOrEqual(Math.floor(mean) - 2);
  });

  test('has so many Pods that can serve, and keeps one that drains', () => {
    for (let client = 0; client < 50; client++) {
      const before = selectSubset(endpoints, { size: 3, client });
      for (const change of [{ phase: 'draining' }, { weight: 0 }] as const) {
        const unable = new Set(before.slice(0, 2));
        const now = endpoints.map((endpoint) =>
          unable.has(endpoint) ? toEndpoint({ ...endpoint, ...change }) : endpoint,
        );
        const after = selectSubset(now, { size: 3, client });
        expect(after).toHaveLength(5);
        for (const { id } of before) expect(after.map((endpoint) => endpoint.id)).toContain(id);
      }
      // As many at most, whatever a registry says.
      const idle = endpoints.map((endpoint) => toEndpoint({ ...endpoint, weight: 0 }));
      expect(selectSubset(idle, { size: 3, client })).toHaveLength(3);
    }
  });
});
