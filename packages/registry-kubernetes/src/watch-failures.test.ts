import { until } from '@podwire/registry/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { status } from './testing/fake-api-server.ts';
import { Fixture, slice } from './testing/fixture.ts';
import { Watched } from './testing/watched.ts';

let fixture: Fixture;
let watched: Watched | undefined;

beforeEach(async () => {
  fixture = await Fixture.open();
  fixture.server.store.put(slice('orders-a', [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }]));
  fixture.server.store.put(slice('orders-b', [{ ip: '10.0.0.3' }]));
});

afterEach(async () => {
  watched?.close();
  await until(() => fixture.server.watches === 0, 'the server to see the watch closed');
  await fixture.close();
});

async function start(options = {}): Promise<Watched> {
  watched = new Watched(fixture.registry(options));
  await watched.untilIds('10.0.0.1', '10.0.0.2', '10.0.0.3');
  await until(() => fixture.server.watches === 1, 'a watch');
  return watched;
}

const lists = () => fixture.server.of('list').filter(({ query }) => query.get('limit') !== '1').length;
const probes = () => fixture.server.of('list').length - lists();
const watches = () => fixture.server.of('watch').length;

describe('a watch', () => {
  it('follows changes, deletions and bookmarks with one list and one request', async () => {
    const pods = await start();
    const { server } = fixture;
    server.sendBookmark();
    server.store.put(slice('orders-a', [{ ip: '10.0.0.2' }]));
    await pods.untilIds('10.0.0.2', '10.0.0.3');
    server.store.remove('orders-b');
    await pods.untilIds('10.0.0.2');
    server.store.put(slice('orders-c', [{ ip: '10.0.0.4' }]));
    await pods.untilIds('10.0.0.2', '10.0.0.4');
    expect([lists(), watches()]).toEqual([1, 1]);
    expect(pods.errors).toEqual([]);
  });

  it('that the server ends in good order goes on from where it was, without a list', async () => {
    const pods = await start();
    const { server } = fixture;
    server.sendBookmark();
    const { version } = server.store;
    server.endWatches();
    await until(() => watches() === 2, 'the next watch');
    server.store.put(slice('orders-c', [{ ip: '10.0.0.4' }]));
    await pods.untilIds('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4');
    expect(server.of('watch')[1]?.query.get('resourceVersion')).toBe(String(version));
    expect(lists()).toBe(1);
    expect(pods.errors).toEqual([]);
  });

  it('asks for bookmarks and for an end in 5 to 10 minutes', async () => {
    await start();
    const { query } = fixture.server.of('watch')[0]!;
    expect(query.get('allowWatchBookmarks')).toBe('true');
    expect(Number(query.get('timeoutSeconds'))).toBeGreaterThanOrEqual(300);
    expect(Number(query.get('timeoutSeconds'))).toBeLessThanOrEqual(600);
  });
});

describe('after the connection broke', () => {
  it('goes on from where it was with one small request, and misses nothing', async () => {
    const pods = await start();
    const { server } = fixture;
    await server.stop();
    server.store.put(slice('orders-c', [{ ip: '10.0.0.4' }]));
    server.store.remove('orders-b');
    await pods.untilError('nothing listens there (ECONNREFUSED)');
    expect(pods.ids).toHaveLength(3);
    await server.start();
    await pods.untilIds('10.0.0.1', '10.0.0.2', '10.0.0.4');
    expect(lists()).toBe(1);
    expect(probes()).toBe(1);
  });

  it('lists anew when the store was wiped, instead of watching a future that never comes', async () => {
    const pods = await start();
    const { server } = fixture;
    await server.stop();
    server.store.wipe();
    server.store.put(slice('orders-z', [{ ip: '10.0.0.9' }]));
    await server.start();
    await pods.untilIds('10.0.0.9');
    expect(lists()).toBe(2);
  });

  it('lists anew when the store was replaced by one that is further on', async () => {
    const pods = await start();
    const { server } = fixture;
    await server.stop();
    server.store.wipe();
    server.store.version = 5_000;
    server.store.put(slice('orders-a', [{ ip: '10.0.0.9' }]));
    await server.start();
    await pods.untilIds('10.0.0.9');
    expect(lists()).toBe(2);
  });

  it('lists anew when the store was restored from a backup and has moved on since, whose objects are older', async () => {
    const pods = await start();
    const { server } = fixture;
    const backup = structuredClone([...server.store.objects]);
    const { version } = server.store;
    server.store.put(slice('orders-a', [{ ip: '10.0.0.1' }, { ip: '10.0.0.4' }]));
    await pods.untilIds('10.0.0.1', '10.0.0.3', '10.0.0.4');
    await server.stop();
    server.store.wipe();
    for (const [key, object] of backup) server.store.objects.set(key, object);
    server.store.version = version + 1_000;
    await server.start();
    await pods.untilIds('10.0.0.1', '10.0.0.2', '10.0.0.3');
    expect(lists()).toBe(2);
  });

  it('lists anew when the restored store gave other contents a version that is not after ours', async () => {
    const pods = await start();
    const { server } = fixture;
    server.store.put(slice('orders-b', [{ ip: '10.0.0.4' }]));
    await pods.untilIds('10.0.0.1', '10.0.0.2', '10.0.0.4');
    await server.stop();
    server.store.events.length = 0;
    // The object was written again after the backup: later than the known version, earlier than the end of the watch.
    server.store.version = Number(server.store.objects.get('prod/orders-a')!.metadata.resourceVersion);
    server.store.put(slice('orders-a', [{ ip: '10.0.0.9' }]));
    server.store.events.length = 0;
    server.store.version += 1_000;
    await server.start();
    await pods.untilIds('10.0.0.4', '10.0.0.9');
    expect(lists()).toBe(2);
  });

  it('is not misled by a 403 while the server still loads its roles', async () => {
    const pods = await start();
    const { server } = fixture;
    let refusals = 0;
    server.intercept = (_request, response) => {
      if (refusals++ > 0) return false;
      status(response, 403, 'Forbidden', 'endpointslices is forbidden: RBAC: clusterrole not found');
      return true;
    };
    server.cut();
    server.store.put(slice('orders-b', []));
    await pods.untilIds('10.0.0.1', '10.0.0.2');
    expect(lists()).toBe(1);
    expect(pods.errors.join()).not.toContain('not allowed');
    expect(pods.status.lastError).toBeUndefined();
  });
});

describe('a refusal', () => {
  it.each([429, 502, 503, 504])('with %s says nothing of what was seen: no list follows', async (code) => {
    const pods = await start();
    const { server } = fixture;
    server.intercept = (_request, response) => {
      server.intercept = undefined;
      response.writeHead(code, { 'content-type': 'text/html' }).end('<h1>from something in between</h1>');
      return true;
    };
    server.cut();
    server.store.put(slice('orders-b', []));
    await pods.untilIds('10.0.0.1', '10.0.0.2');
    expect(server.intercept).toBeUndefined();
    expect(lists()).toBe(1);
  });
});

describe('a resource version that is too old', () => {
  it('said in the stream leads to one list, which knows what was deleted meanwhile', async () => {
    const pods = await start();
    const { server } = fixture;
    server.intercept = ({ kind }) => {
      if (kind === 'watch') {
        server.intercept = undefined;
        server.store.remove('orders-b');
        server.store.put(slice('orders-c', [{ ip: '10.0.0.4' }]));
        server.store.compact();
      }
      return false;
    };
    server.sendBookmark();
    server.endWatches();
    await pods.untilIds('10.0.0.1', '10.0.0.2', '10.0.0.4');
    await until(() => watches() === 3, 'the next watch');
    expect(lists()).toBe(2);
    expect(pods.errors).toEqual([]);
  });

  it.each([
    ['as the HTTP status', 410, 'Expired'],
    ['as the HTTP status, with the older reason', 410, 'Gone'],
  ])('said %s leads to one list', async (_how, code, reason) => {
    const pods = await start();
    const { server } = fixture;
    server.intercept = ({ kind }, response) => {
      if (kind !== 'watch') return false;
      server.intercept = undefined;
      server.store.remove('orders-b');
      status(response, code, reason, 'too old resource version: 1 (2)');
      return true;
    };
    server.sendBookmark();
    server.endWatches();
    await pods.untilIds('10.0.0.1', '10.0.0.2');
    expect(lists()).toBe(2);
    expect(pods.errors).toEqual([]);
  });

  it('said again and again is backed off, not listed in a loop', async () => {
    const { server } = fixture;
    server.intercept = ({ kind }, response) => {
      if (kind !== 'watch') return false;
      status(response, 410, 'Expired', 'too old');
      return true;
    };
    watched = new Watched(fixture.registry());
    await watched.untilError('the resource version is too old');
    expect(lists()).toBe(1);
    server.intercept = undefined;
    await until(() => server.watches === 1, 'a watch');
    expect(lists()).toBe(2);
  });

  it('of a page begins the list anew in one piece', async () => {
    const { server } = fixture;
    for (let i = 0; i < 250; i++) server.store.put(slice(`orders-${i}`, [{ ip: `10.1.0.${i}` }]));
    server.intercept = ({ query }) => {
      if (query.has('continue')) server.store.compacted = Number.POSITIVE_INFINITY;
      return false;
    };
    watched = new Watched(fixture.registry());
    await until(() => watched?.ids.length === 253, 'all Pods');
    server.store.compacted = 0;
    expect(server.of('list').map(({ query }) => [query.get('limit'), query.has('continue')])).toEqual([
      ['100', false],
      ['100', true],
      [null, false],
    ]);
  });
});

describe('a list', () => {
  it('is read page by page', async () => {
    const { server } = fixture;
    for (let i = 0; i < 250; i++) server.store.put(slice(`orders-${i}`, [{ ip: `10.1.0.${i}` }]));
    watched = new Watched(fixture.registry());
    await until(() => watched?.ids.length === 253, 'all Pods');
    expect(server.of('list')).toHaveLength(3);
  });

  it('of Endpoints is taken where the server has no EndpointSlices', async () => {
    const { server } = fixture;
    server.hasEndpointSlices = false;
    const subset = (ip: string) => ({ addresses: [{ ip }], ports: [{ name: 'grpc', port: 50051 }] });
    server.store.put({ name: 'orders', subsets: [subset('10.0.0.7')] });
    watched = new Watched(fixture.registry());
    await watched.untilIds('10.0.0.7');
    server.store.put({ name: 'orders', subsets: [subset('10.0.0.7'), subset('10.0.0.8')] });
    await watched.untilIds('10.0.0.7', '10.0.0.8');
    server.store.remove('orders');
    await watched.untilIds();
    expect(watched.status.missing).toContain('there are no endpoints of a Service orders in namespace prod');
  });
});

it('Endpoints are left for EndpointSlices when the server has them, with the next watch', async () => {
  const { server } = fixture;
  server.hasEndpointSlices = false;
  const subset = { addresses: [{ ip: '10.0.0.7' }], ports: [{ name: 'grpc', port: 50051 }] };
  server.store.put({ name: 'orders', subsets: [subset] });
  watched = new Watched(fixture.registry());
  await watched.untilIds('10.0.0.7');
  await until(() => server.watches === 1, 'a watch');
  server.hasEndpointSlices = true;
  server.sendBookmark();
  server.endWatches();
  await watched.untilIds('10.0.0.1', '10.0.0.2', '10.0.0.3');
  expect(watched.errors).toEqual([]);
});

describe('a broken stream', () => {
  it('that ends at once without a word is listed again, with a pause', async () => {
    const pods = await start();
    const { server } = fixture;
    server.intercept = ({ kind }, response) => {
      if (kind !== 'watch') return false;
      server.intercept = undefined;
      server.store.remove('orders-b');
      response.writeHead(200).end();
      return true;
    };
    server.sendBookmark();
    server.endWatches();
    await pods.untilIds('10.0.0.1', '10.0.0.2');
    expect(lists()).toBe(2);
    expect(pods.errors.join()).toContain('ended the watch at once');
  });

  it.each([
    ['no JSON', '{"type":"MODIFIED","object":\n'],
    ['no event', '{"type":"WAT","object":{}}\n'],
    ['a bare value', '7\n'],
    ['an object without a version', '{"type":"MODIFIED","object":{"metadata":{"name":"orders-a"}}}\n'],
    ['a line without end', 'x'.repeat(17 * 1024 * 1024)],
    ['an error that is none', '{"type":"ERROR","object":null}\n'],
    ['a failure of the server', '{"type":"ERROR","object":{"code":500,"message":"etcd is away"}}\n'],
  ])('with %s is dropped, and what it may have hidden is listed', async (_what, text) => {
    const pods = await start();
    const { server } = fixture;
    server.sendRaw(text);
    await until(() => pods.status.state === 'backing-off', 'the failure');
    expect(pods.ids).toHaveLength(3);
    await until(() => pods.status.state === 'watching', 'the next watch');
    expect(lists()).toBe(2);
  });

  it('in the middle of a line goes on from the last whole one', async () => {
    const pods = await start();
    const { server } = fixture;
    server.sendBookmark();
    server.endWatches('{"type":"MODIFIED","obj');
    await pods.untilError('ended in the middle of a line');
    await until(() => watches() === 2, 'the next watch');
    expect([lists(), probes()]).toEqual([1, 1]);
  });

  it('with an object that has no name names it and goes on', async () => {
    const pods = await start();
    const { server } = fixture;
    server.sendRaw(`{"type":"ADDED","object":{"metadata":{"resourceVersion":"${server.store.version}"}}}\n`);
    await until(() => pods.status.dropped.length > 0, 'what was dropped');
    expect(pods.status.dropped[0]).toContain('endpointslices: metadata.name');
    server.store.put(slice('orders-b', []));
    await pods.untilIds('10.0.0.1', '10.0.0.2');
    expect([lists(), watches()]).toEqual([1, 1]);
  });
});
