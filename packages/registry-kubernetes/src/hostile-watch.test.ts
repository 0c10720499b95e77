import { realTurn, until, VirtualClock } from '@podwire/registry/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Fixture, slice } from './testing/fixture.ts';
import { Watched } from './testing/watched.ts';

let fixture: Fixture;
let pods: Watched;

const lists = () => fixture.server.of('list').length;
const [A, B] = ['10.0.0.1', '10.0.0.2'] as const;

beforeEach(async () => {
  fixture = await Fixture.withPod();
  pods = new Watched(fixture.registry());
  await pods.untilIds(A);
  await until(() => fixture.server.watches === 1, 'a watch');
});

afterEach(async () => {
  pods.close();
  await fixture.close();
});

/** An event that the store knows nothing of. */
function send(type: string, name: string, ip: string, metadata: object = {}): void {
  const { name: _, ...body } = slice(name, [{ ip }]);
  const resourceVersion = String(fixture.server.store.version);
  const object = { ...body, metadata: { name, resourceVersion, ...metadata } };
  fixture.server.sendRaw(`${JSON.stringify({ type, object })}\n`);
}

/** All that was sent before has been taken in. */
async function mark(): Promise<void> {
  fixture.server.store.put(slice('orders-mark', [{ ip: '10.0.0.99' }]));
  await until(() => pods.ids.includes('10.0.0.99:50051'), 'the mark');
}

it.each([
  [
    'another service',
    { labels: { 'kubernetes.io/service-name': 'users' } },
    'service: "users" must be orders',
  ],
  ['another namespace', { namespace: 'stage' }, 'namespace: "stage" must be prod'],
])('an event of %s adds no Pod, takes none away, and is named', async (_what, metadata, said) => {
  send('ADDED', 'orders-x', '10.6.6.6', metadata);
  send('MODIFIED', 'orders-a', '10.6.6.6', { ...metadata, uid: 'another' });
  send('DELETED', 'orders-a', A, { ...metadata, uid: 'another' });
  await mark();
  expect(pods.ids).toEqual([`${A}:50051`, '10.0.0.99:50051']);
  expect(pods.status.dropped[0]).toBe(`endpointslices/orders-x: ${said}`);
  expect(lists()).toBe(1);
});

it('a slice that is given to another service takes its Pods along', async () => {
  const { uid } = fixture.server.store.objects.get('prod/orders-a')!.metadata;
  fixture.server.store.version += 1;
  send('MODIFIED', 'orders-a', A, { uid, labels: { 'kubernetes.io/service-name': 'users' } });
  await mark();
  expect(pods.ids).toEqual(['10.0.0.99:50051']);
});

it('Pods that are held while nothing can be used are let go when something can', async () => {
  const { store } = fixture.server;
  store.put(slice('orders-a', [{ ip: 'no address' }]));
  await pods.untilError('nothing of what the registry said can be used');
  expect(pods.ids).toEqual([`${A}:50051`]);
  store.put(slice('orders-a', [{ ip: B }]));
  await pods.untilIds(B);
});

it('events that are told again and again are one', async () => {
  const { store } = fixture.server;
  const object = store.put(slice('orders-b', [{ ip: B }]));
  await pods.untilIds(A, B);
  const { sets } = pods;
  const line = `${JSON.stringify({ type: 'MODIFIED', object })}\n`;
  fixture.server.sendRaw(line.repeat(1_000));
  await mark();
  expect(pods.sets).toBe(sets + 1);
  expect(lists()).toBe(1);
});

it.each(['MODIFIED', 'DELETED', 'BOOKMARK'])(
  'a %s whose version goes back is not believed: what there is, is listed',
  async (type) => {
    fixture.server.store.put(slice('orders-b', [{ ip: B }]));
    await pods.untilIds(A, B);
    const { uid } = fixture.server.store.objects.get('prod/orders-a')!.metadata;
    send(type, 'orders-a', '10.6.6.6', { uid, resourceVersion: '9' });
    await pods.untilError('the watch went back from version 102 to 9');
    await until(() => fixture.server.watches === 1 && pods.status.state === 'watching', 'the next watch');
    expect(pods.ids).toEqual([`${A}:50051`, `${B}:50051`]);
    expect(lists()).toBe(2);
  },
);

it.each([
  ['a code that is no number', { code: 'x' }],
  ['a code that no status has', { code: -1 }],
  ['a code of success', { code: 200, status: 'Success' }],
  ['too large a code', { code: 1e300 }],
  ['a list for a code', { code: [410] }],
  ['nothing', {}],
])('an ERROR with %s ends the watch, and the next one follows', async (_what, object) => {
  fixture.server.sendRaw(`${JSON.stringify({ type: 'ERROR', object })}\n`);
  await until(() => pods.errors.length === 1, 'the error');
  await mark();
  expect(pods.errors[0]!.length).toBeLessThan(300);
  expect(lists()).toBe(2);
});

it('an event that is nested without end is taken for what it is', async () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const version = fixture.server.store.version;
  const metadata = `"metadata":{"name":"orders-deep","resourceVersion":"${version}"}`;
  for (const field of ['addressType', 'endpoints', 'ports']) {
    fixture.server.sendRaw(`{"type":"ADDED","object":{${metadata},"${field}":${deep}}}\n`);
  }
  await mark();
  expect(pods.status.dropped[0]).toContain('endpointslices/orders-deep.addressType');
  expect(lists()).toBe(1);
});

it('watches that are cut after each word are begun again with a pause', async () => {
  const { server } = fixture;
  const clock = new VirtualClock();
  pods.close();
  pods = new Watched(fixture.registry({ clock }), 'orders', clock);
  await pods.untilIds(A);
  await until(() => server.watches === 1, 'the watch');
  const begunMs: number[] = [];
  server.intercept = ({ kind }, response) => {
    if (kind !== 'watch') return false;
    begunMs.push(clock.nowMs());
    const metadata = { resourceVersion: String(server.store.version) };
    return response.end(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata } })}\n`).writableEnded;
  };
  const passTime = async () => {
    await realTurn();
    await clock.advance(25);
  };
  server.sendBookmark();
  server.endWatches();
  await until(() => begunMs.length === 4, 'four watches', passTime);
  const [first, second, third, fourth] = begunMs as [number, number, number, number];
  expect(second - first).toBeGreaterThanOrEqual(500);
  expect(third - second).toBeGreaterThanOrEqual(1_000);
  expect(fourth - third).toBeGreaterThanOrEqual(1_000);
  expect(lists()).toBe(2);
  server.intercept = undefined;
  server.store.put(slice('orders-b', [{ ip: B }]));
  await until(() => pods.ids.length === 2, 'both Pods', passTime);
  expect(pods.errors).toEqual([]);
});
