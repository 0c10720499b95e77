import { type Clock, systemClock } from '@podwire/core';
import { until } from '@podwire/registry/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { status } from './testing/fake-api-server.ts';
import { Fixture, slice } from './testing/fixture.ts';
import { Watched } from './testing/watched.ts';

let fixture: Fixture;
let watched: Watched;
/** What was waited for on purpose, in ms: time-outs are longer. */
let pausesMs: number[];
const LONGEST_PAUSE_MS = 1_900;
const clock: Clock = {
  ...systemClock,
  after(delayMs, fn) {
    if (delayMs <= LONGEST_PAUSE_MS) pausesMs.push(delayMs);
    return systemClock.after(delayMs, fn);
  },
};

beforeEach(async () => {
  fixture = await Fixture.withPod();
  pausesMs = [];
  watched = new Watched(fixture.registry({ clock }), 'orders', clock);
  await watched.untilIds('10.0.0.1');
  await until(() => fixture.server.watches === 1, 'a watch');
});

afterEach(async () => {
  watched.close();
  await fixture.close();
});

it('an API server that was away for long is waited for less than 2 s after its return, even if it refuses at first', async () => {
  const { server } = fixture;
  await server.stop();
  // Long enough for the waits to have grown to their longest.
  const attempts = () => watched.statuses.filter(({ state }) => state === 'connecting').length;
  await until(() => attempts() >= 6, 'six attempts');
  let refused = false;
  server.intercept = (_request, response) => {
    if (refused) return false;
    refused = true;
    status(response, 403, 'Forbidden', 'endpointslices is forbidden: RBAC: role not found');
    return true;
  };
  server.store.put(slice('orders-a', [{ ip: '10.0.0.2' }]));
  // The pause that is under way counts as well.
  pausesMs.splice(0, pausesMs.length - 1);
  await server.start();
  await watched.untilIds('10.0.0.2');
  expect(refused).toBe(true);
  expect(pausesMs.reduce((sum, delayMs) => sum + delayMs)).toBeLessThan(2_000);
});

it('a list that must not be watched is used, listed again and again, and reported', async () => {
  const { server } = fixture;
  server.intercept = ({ kind }, response) => {
    if (kind !== 'watch') return false;
    status(response, 403, 'Forbidden', 'endpointslices is forbidden: cannot watch');
    return true;
  };
  const other = new Watched(fixture.registry({ idleTimeoutMs: 80_000 }));
  await other.untilIds('10.0.0.1');
  await other.untilError('only lists pass, which are asked for again and again: not allowed to watch');
  server.store.put(slice('orders-a', [{ ip: '10.0.0.2' }]));
  await other.untilIds('10.0.0.2');
  expect(other.status.lastError).toContain('not allowed to watch');
  expect(other.status.state).toBe('watching');
  server.intercept = undefined;
  await until(() => other.status.lastError === undefined, 'the watch');
  other.close();
});

it('a list whose watch fails otherwise is used', async () => {
  const { server } = fixture;
  server.intercept = ({ kind }, response) => {
    if (kind !== 'watch') return false;
    status(response, 500, 'InternalError', 'no watch today');
    return true;
  };
  const other = new Watched(fixture.registry({ idleTimeoutMs: 80_000 }));
  await other.untilIds('10.0.0.1');
  await other.untilError('answered 500');
  other.close();
});
