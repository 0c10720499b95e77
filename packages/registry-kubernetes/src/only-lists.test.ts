import type { ServerResponse } from 'node:http';
import { Followed, realTurn, until, VirtualClock } from '@podwire/registry/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SeenRequest, status } from './testing/fake-api-server.ts';
import { Fixture, slice } from './testing/fixture.ts';
import { Watched } from './testing/watched.ts';

/** What stands between this process and the API server does with watches; lists pass. */
type Middle = (request: SeenRequest, response: ServerResponse) => boolean;

const IDLE_MS = 5_000;
const [A, B, C, D] = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'] as const;
let fixture: Fixture;
let clock: VirtualClock;
let pods: Watched;
let others: Followed[] = [];

const lists = () => fixture.server.of('list').length;
const watches = () => fixture.server.of('watch').length;
const put = (name: string, ip: string) => fixture.server.store.put(slice(name, [{ ip }]));

async function passTime(stepMs = 100): Promise<void> {
  await realTurn();
  await clock.advance(stepMs);
}

async function pass(ms: number): Promise<void> {
  const untilMs = clock.nowMs() + ms;
  while (clock.nowMs() < untilMs) await passTime();
}

/** Waits on the virtual clock, and says how long. Requests take real time: the smaller the steps, the less of the virtual. */
async function took(condition: () => boolean, what: string, stepMs = 100): Promise<number> {
  const startMs = clock.nowMs();
  await until(condition, what, () => passTime(stepMs));
  return clock.nowMs() - startMs;
}

const has = (...ips: readonly string[]) => pods.ids.join() === ips.map((ip) => `${ip}:50051`).join();

function begin(middle: Middle): void {
  fixture.server.intercept = (request, response) => request.kind === 'watch' && middle(request, response);
  pods = new Watched(fixture.registry({ clock, idleTimeoutMs: IDLE_MS }), 'orders', clock);
}

/** Headers and lines stay where they are until the answer ends, as nginx does by default. */
const buffers: Middle = () => true;
const opensAndSaysNothing: Middle = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
  return true;
};
const refuses =
  (code: number): Middle =>
  (_request, response) => {
    status(response, code, 'No', 'no watches here');
    return true;
  };
const endsAtOnce: Middle = (_request, response) => {
  response.writeHead(200).end();
  return true;
};
const cutsAtOnce: Middle = (_request, response) => {
  response.writeHead(200).flushHeaders();
  response.socket?.destroy();
  return true;
};
const answersAsList: Middle = (_request, response) => {
  response.writeHead(200).end('{"kind":"EndpointSliceList","metadata":{"resourceVersion":"1"},"items":[]}');
  return true;
};
const tooOld: Middle = (_request, response) => {
  response.writeHead(200).end('{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n');
  return true;
};

const endsAfterAWhile: Middle = (_request, response) => after(3_000, response, () => response.end());
const isCutAfterAWhile: Middle = (_request, response) =>
  after(3_000, response, () => response.socket?.destroy());

/** Begins an answer, and does something to it later. */
function after(delayMs: number, response: ServerResponse, end: () => void): boolean {
  response.writeHead(200).flushHeaders();
  const timer = clock.after(delayMs, end);
  response.on('close', () => timer.cancel());
  return true;
}

beforeEach(async () => {
  fixture = await Fixture.withPod();
  clock = new VirtualClock();
});

afterEach(async () => {
  pods.close();
  await Promise.all(others.splice(0).map((followed) => followed.close()));
  await until(() => clock.pending === 0, `all timers to be gone`);
  await fixture.close();
});

describe('where lists pass and watches do not begin', () => {
  it.each([
    ['are held back', buffers, 'did not begin'],
    ['are refused with 403', refuses(403), 'not allowed to watch'],
    ['are refused with 405', refuses(405), 'answered 405'],
    ['are refused with 501', refuses(501), 'answered 501'],
    ['are refused with 503', refuses(503), 'answered 503'],
    ['are too old at once', tooOld, 'the resource version is too old'],
    ['end at once', endsAtOnce, 'ended the watch at once'],
    ['are cut at once', cutsAtOnce, 'no answer from the API server'],
    ['are answered with a list', answersAsList, 'the watch ended in the middle of a line'],
  ])('because they %s, every change is found, and the status says why', async (_how, middle, why) => {
    begin(middle);
    // Without any time passing: no watch is waited for.
    await until(() => has(A), 'the first list');
    expect(clock.nowMs()).toBe(1_000);
    await took(() => pods.status.lastError?.includes('only lists pass') === true, 'the status');
    for (const [ip, name] of [
      [B, 'orders-a'],
      [C, 'orders-a'],
    ] as const) {
      put(name, ip);
      expect(await took(() => has(ip), `the Pod ${ip}`)).toBeLessThanOrEqual(11_000);
    }
    await pass(20_000);
    put('orders-a', D);
    expect(await took(() => has(D), 'the last Pod')).toBeLessThanOrEqual(11_000);
    expect(pods.status.lastError).toMatch(/only lists pass.*/);
    expect(pods.errors.join()).toContain(why);
    expect(pods.status.state).toBe('watching');
    // In 20 to 50 s: some when it changes, and then one in 5 to 10 s.
    expect(lists()).toBeLessThan(25);
    fixture.server.intercept = undefined;
    await took(() => pods.status.lastError === undefined, 'the watch');
    await pass(500);
    const before = lists();
    put('orders-b', B);
    await took(() => has(B, D), 'a change over the watch');
    expect(lists()).toBe(before);
  });

  it('the list is asked for less often while nothing changes', async () => {
    begin(buffers);
    await until(() => has(A), 'the first list');
    await pass(60_000);
    const before = lists();
    await pass(60_000);
    expect(lists() - before).toBeGreaterThanOrEqual(6);
    expect(lists() - before).toBeLessThanOrEqual(13);
  });

  it('a Pod that stops answering makes the list be asked for at once, and once a second at most', async () => {
    begin(buffers);
    await until(() => has(A), 'the first list');
    await pass(40_000);
    put('orders-a', B);
    pods.recheck();
    expect(await took(() => has(B), 'the new Pod', 10)).toBeLessThanOrEqual(2_500);
    const before = lists();
    const untilMs = clock.nowMs() + 10_000;
    while (clock.nowMs() < untilMs) {
      pods.recheck();
      await passTime();
    }
    expect(lists() - before).toBeLessThanOrEqual(11);
  });

  it('nothing is frozen by a store that is still the same when the connection comes back', async () => {
    begin(() => false);
    await until(() => has(A) && fixture.server.watches === 1, 'the watch');
    fixture.server.intercept = (request, response) => request.kind === 'watch' && buffers(request, response);
    fixture.server.cut();
    await took(() => pods.errors.length > 0, 'the failure');
    put('orders-b', B);
    expect(await took(() => has(A, B), 'the new Pod')).toBeLessThanOrEqual(11_000);
  });

  it('a watch that goes down with the API server, before it began, is no sign that watches do not pass', async () => {
    const { server } = fixture;
    begin(buffers);
    await until(() => has(A) && watches() === 1, 'the watch to be asked for');
    await server.stop();
    await took(() => pods.errors.join().includes('ECONNREFUSED'), 'the failure');
    expect(pods.errors.join()).not.toContain('only lists pass');
    server.intercept = undefined;
    server.requests.length = 0;
    put('orders-b', B);
    await server.start();
    await took(() => has(A, B), 'the new Pod');
    await pass(4_000);
    expect(pods.status.lastError).toBeUndefined();
    // Nothing but one small question: whether the store is still the same.
    expect(server.of('list').map(({ query }) => query.get('limit'))).toEqual(['1']);
    expect(watches()).toBe(1);
  });

  it('Endpoints are listed again where there are no EndpointSlices', async () => {
    fixture.server.hasEndpointSlices = false;
    const subset = (ip: string) => ({ addresses: [{ ip }], ports: [{ name: 'grpc', port: 50051 }] });
    fixture.server.store.put({ name: 'orders', subsets: [subset(A)] });
    begin(buffers);
    await until(() => has(A), 'the first list');
    fixture.server.store.put({ name: 'orders', subsets: [subset(B)] });
    expect(await took(() => has(B), 'the new Pod')).toBeLessThanOrEqual(11_000);
  });

  it('a list without a version is listed again as well', async () => {
    const items = [{ ...slice('orders-a', [{ ip: A }]), metadata: { name: 'orders-a' } }];
    fixture.server.intercept = (_request, response) => {
      response.writeHead(200).end(JSON.stringify({ metadata: {}, items }));
      return true;
    };
    pods = new Watched(fixture.registry({ clock }), 'orders', clock);
    await until(() => has(A), 'the first list');
    await took(() => pods.errors.join().includes('has no version to watch from'), 'the status');
    items[0] = { ...slice('orders-a', [{ ip: B }]), metadata: { name: 'orders-a' } };
    expect(await took(() => has(B), 'the new Pod')).toBeLessThanOrEqual(11_000);
    expect(watches()).toBe(0);
  });

  it('many Services are all listed, whatever their watches wait for', async () => {
    fixture.server.intercept = ({ kind }) => kind === 'watch';
    const registry = fixture.registry({ clock });
    others = Array.from({ length: 2 * 16 + 1 }, (_, i) => new Followed(registry, `service-${i}`));
    pods = new Watched(fixture.registry({ clock }), 'orders', clock);
    await until(() => others.every(({ updates }) => updates[0]?.type === 'missing'), 'all first lists');
    expect(clock.nowMs()).toBe(1_000);
  });
});

describe('a watch that begins and does not deliver', () => {
  it.each([
    ['stays open', opensAndSaysNothing],
    ['is ended in good order again and again before it is silent for long', endsAfterAWhile],
    ['is cut again and again before it is silent for long', isCutAfterAWhile],
  ])('and %s does not freeze the set', async (_how, middle) => {
    begin(middle);
    await until(() => has(A), 'the first list');
    await took(() => fixture.server.of('watch').length > 0, 'the watch');
    put('orders-a', B);
    expect(await took(() => has(B), 'a Pod after the silence')).toBeLessThanOrEqual(2 * IDLE_MS + 3_000);
    await took(() => pods.status.lastError?.includes('only lists pass') === true, 'the status');
    put('orders-a', C);
    expect(await took(() => has(C), 'the next')).toBeLessThanOrEqual(11_000);
    await pass(30_000);
    put('orders-a', D);
    expect(await took(() => has(D), 'the last')).toBeLessThanOrEqual(11_000);
    expect(pods.errors.join()).toMatch(/only lists pass.*(said nothing|had a change)/);
  });

  it('is found out within seconds when a Pod stops answering', async () => {
    begin(opensAndSaysNothing);
    await until(() => has(A), 'the first list');
    pods.close();
    pods = new Watched(fixture.registry({ clock }), 'orders', clock);
    await until(() => has(A), 'the first list');
    await pass(4_000);
    put('orders-a', B);
    pods.recheck();
    expect(await took(() => has(B), 'the new Pod')).toBeLessThanOrEqual(11_000);
    expect(pods.status.lastError).toContain('a list had a change that the watch had not told');
    put('orders-a', C);
    expect(await took(() => has(C), 'the next')).toBeLessThanOrEqual(11_000);
  });

  it('until a buffer is full is not relied on when it begins late', async () => {
    let held: ServerResponse | undefined;
    begin((_request, response) => {
      held = response;
      return true;
    });
    await until(() => has(A), 'the first list');
    await took(() => watches() === 1, 'the watch');
    await pass(6_000);
    // The first two of three changes fill the buffer.
    const line = (object: unknown) => `${JSON.stringify({ type: 'ADDED', object })}\n`;
    const late = held!;
    late.writeHead(200);
    late.write(line(put('orders-b', B)) + line(put('orders-c', C)));
    await took(() => pods.ids.length === 3, 'the changes that were let through');
    put('orders-d', D);
    expect(await took(() => has(A, B, C, D), 'the change that is held back')).toBeLessThanOrEqual(11_000);
    expect(pods.status.lastError).toContain('only lists pass');
  });

  it('is relied on again once it says something again and again', async () => {
    begin(opensAndSaysNothing);
    await took(() => pods.status.lastError?.includes('only lists pass') === true, 'the status');
    fixture.server.intercept = undefined;
    await took(() => fixture.server.watches === 1, 'the watch');
    const step = async () => {
      await pass(IDLE_MS / 2);
      fixture.server.sendBookmark();
    };
    await until(() => pods.status.lastError === undefined, 'the trust', step);
    const before = lists();
    for (let i = 0; i < 8; i++) await step();
    expect(lists()).toBe(before);
  });
});

describe('a watch that is relied on', () => {
  it('is not doubted when a Pod stops answering and the watch says so', async () => {
    begin(() => false);
    await until(() => has(A) && fixture.server.watches === 1, 'the watch');
    await pass(3_000);
    pods.recheck();
    await pass(1_000);
    put('orders-a', B);
    await took(() => has(B), 'the change');
    fixture.server.sendBookmark();
    await pass(4_000);
    fixture.server.sendBookmark();
    await pass(4_000);
    expect(lists()).toBe(1);
    expect(pods.errors).toEqual([]);
  });

  it('is checked ever less often while Pods do not answer and nothing is new', async () => {
    begin(() => false);
    await until(() => has(A) && fixture.server.watches === 1, 'the watch');
    const untilMs = clock.nowMs() + 100_000;
    while (clock.nowMs() < untilMs) {
      for (let i = 0; i < 40; i++) {
        pods.recheck();
        await passTime();
      }
      fixture.server.sendBookmark();
    }
    // Each line takes a doubt away.
    expect(lists()).toBe(1);
    expect(watches()).toBe(1);
  });
});
