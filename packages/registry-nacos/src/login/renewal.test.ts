import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@podwire/core';
import { toEndpoint } from '@podwire/registry';
import { Followed, until } from '@podwire/registry/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nacos } from '../nacos.ts';
import { FakeNacos, host } from '../testing/fake-nacos.ts';

const PASSWORD = 'do-not-show-me';
const EXPIRED = { resultCode: 500, errorCode: 403, message: 'token expired!' };
const SPEED = 50;
/** Longer times are waits. */
const SHORTENED_MS = 5_000;
/** The real clock, on which only the time limits of requests take their time. */
const clock = {
  ...systemClock,
  nowMs: () => systemClock.nowMs() * SPEED,
  after: (ms: number, fn: () => void) => systemClock.after(ms < SHORTENED_MS ? ms : ms / SPEED, fn),
};

let server: FakeNacos;
let logins: Server;
/** The status that logins are answered with; undefined for no answer. */
let status: number | undefined;
let tokens = 0;
const cleanups: (() => Promise<void> | undefined)[] = [];

beforeEach(async () => {
  server = await new FakeNacos().start();
  server.hosts = [host(1)];
  status = 200;
  logins = createServer((_request, response) => {
    if (status === undefined) return;
    const token = { accessToken: `secret-token-${++tokens}`, tokenTtl: 18_000 };
    response.writeHead(status).end(status === 200 ? JSON.stringify(token) : PASSWORD);
  });
  await new Promise<void>((resolve) => logins.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  server.stop();
  logins.closeAllConnections();
  await new Promise((resolve) => logins.close(resolve));
});

/** The time limit of requests is real time: short only where an answer is to be missed, since a busy machine misses others as well. */
function open(limitMs: number) {
  const { port } = logins.address() as AddressInfo;
  const registry = nacos({
    servers: [`127.0.0.1:${port}`],
    grpcPortOffset: server.grpcPort - port,
    username: 'u',
    password: PASSWORD,
    requestTimeoutMs: limitMs,
    clock,
  });
  cleanups.push(() => registry.close?.());
  return registry;
}

/** The token has expired, and Nacos refuses what needs one. */
function expire(): void {
  for (const type of ['ServiceQueryRequest', 'SubscribeServiceRequest', 'InstanceRequest']) {
    server.overrides.set(type, EXPIRED);
  }
}

describe.each([
  [403, /refused the login of user 'u' \(HTTP 403\): check username and password/],
  [500, /failed the login of user 'u' \(HTTP 500, .*\): check username and password/],
  [503, /no Nacos server took the login: login at .*: unexpected answer \(HTTP 503\)/],
  [undefined, /no Nacos server took the login: login at .*: no answer in 1000 ms/],
])('a token that expired, and logins answered with %s', (answer, message) => {
  const limitMs = answer === undefined ? 1_000 : SHORTENED_MS - 1;

  it('are one error while pushes go on, and nothing when logins are answered again', async () => {
    const registry = open(limitMs);
    const announcement = await registry.announce('carts', toEndpoint({ address: '10.0.0.9:9' }));
    const orders = new Followed(registry, 'orders');
    cleanups.push(() => orders.close());
    await until(() => orders.ids.join() === '10.0.0.1:1', 'the list');
    expire();
    status = answer;
    await until(() => orders.last?.type === 'problem', 'the problem');
    expect(orders.last).toMatchObject({ reason: expect.stringMatching(message) });
    await expect(announcement.update({ weight: 2 })).rejects.toThrow(message);
    // The connection stands, and so do the Pod that was announced and the subscription.
    const told = orders.updates.length;
    server.push([host(1), host(2)]);
    await until(() => orders.ids.length === 2, 'the push');
    await until(() => orders.last?.type === 'problem', 'the problem that is left');
    const asked = server.count('ServiceQueryRequest');
    await until(() => server.count('ServiceQueryRequest') > asked + 2, 'more tries');
    expect(orders.updates).toHaveLength(told + 2);
    expect(server.connections).toBe(1);
    expect(orders.error).toBeUndefined();
    expect(JSON.stringify(orders.updates)).not.toMatch(/do-not-show-me|secret-token/);
    server.overrides.clear();
    status = 200;
    await until(() => orders.last?.type === 'reset', 'the list that was asked for');
    await announcement.update({ weight: 3 });
    expect(orders.error).toBeUndefined();
  });

  it('are the error of a watch whose connection is lost', async () => {
    const orders = new Followed(open(limitMs), 'orders');
    cleanups.push(() => orders.close());
    await until(() => orders.ids.length === 1, 'the list');
    expire();
    status = answer;
    server.stop();
    await orders.done;
    await server.start();
    const again = new Followed(open(limitMs), 'orders');
    cleanups.push(() => again.close());
    await again.done;
    expect(String(again.error)).toMatch(message);
    expect(String(again.error)).not.toContain(PASSWORD);
  });
});
