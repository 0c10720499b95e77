import { systemClock } from '@podwire/core';
import { until } from '@podwire/registry/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { InCluster } from '../access/in-cluster.ts';
import { status } from '../testing/fake-api-server.ts';
import { Fixture } from '../testing/fixture.ts';
import { ApiClient, type Question } from './client.ts';

let fixture: Fixture;
let client: ApiClient;
const { signal } = new AbortController();

beforeEach(async () => {
  fixture = await Fixture.open();
  client = new ApiClient(new InCluster(fixture.env, fixture.dir), systemClock, 5_000, 50);
});

afterEach(() => fixture.close());

function question(verb: 'list' | 'watch'): Question {
  const path = '/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices';
  const query = new URLSearchParams(verb === 'watch' ? { watch: '1', resourceVersion: '100' } : {});
  return { verb, resource: 'endpointslices', namespace: 'prod', path, query };
}

it('a connection that is no longer used is closed, and a watch that says nothing is not', async () => {
  const { server } = fixture;
  const { body } = await client.get(question('watch'), signal, () => {});
  server.intercept = (_request, response) => {
    status(response, 403, 'Forbidden', 'no');
    return true;
  };
  await expect(client.getJson(question('list'), signal)).rejects.toThrow('not allowed to list');
  await until(() => server.connections === 1, 'the connection of the list to be closed');
  server.sendBookmark();
  for await (const chunk of body) {
    expect(String(chunk)).toContain('BOOKMARK');
    break;
  }
});
