import { systemClock, toEndpoint } from '@podwire/registry';
import { type NacosOptions, nacos } from '@podwire/registry-nacos';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Nacos, startNacos } from '../servers/nacos.mjs';
import {
  Cleanup,
  callsByPod,
  discover,
  nacosVersions,
  newService,
  oneNacosVersion,
  pods,
} from '../support/nacos.ts';
import { startOrdersServer } from '../support/orders-server.ts';
import { whyNotReady } from '../support/refusal.ts';

const PASSWORD = 'nacos';
const WRONG = 'not-the-pa55word';
/** How long tokens of this server live. */
const TOKEN_SECONDS = 3;
/** 3.1 answers a wrong password with HTTP 500. */
const LOGIN_REFUSED =
  /(refused|failed) the login of user 'nacos' \(HTTP (40[13]|500).*\): check username and password/;

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

describe.each(nacosVersions)('Nacos %s with logins', (version) => {
  let server: Nacos;
  beforeAll(async () => {
    server = await startNacos({
      version,
      auth: true,
      properties: {
        'nacos.naming.push.pushTaskDelay': 10,
        'nacos.core.auth.plugin.nacos.token.expire.seconds': TOKEN_SECONDS,
        'nacos.core.auth.plugin.nacos.token.cache.enable': false,
      },
    });
  }, 180_000);
  afterAll(() => server?.close());

  const login = { username: 'nacos', password: PASSWORD };
  const announced = async (service: string) => {
    const pod = await startOrdersServer();
    cleanup.add(() => pod.stop());
    const registry = nacos({ servers: [server.address], ...login });
    cleanup.add(() => registry.close?.());
    const announcement = await registry.announce(service, toEndpoint({ address: pod.address }));
    return { pod, announcement };
  };

  /** Why `ready` fails; the secrets must be in nothing that the channel says. */
  const refused = async (target: string, registry: Partial<NacosOptions>, secrets: readonly string[]) => {
    const { channel } = discover(server, target, cleanup, { registry });
    const said: unknown[] = [];
    channel.events.on('registry', (status) => said.push(status));
    const error = await whyNotReady(channel);
    const all = JSON.stringify([said, channel.snapshot(), String(error), error.stack, String(error.cause)]);
    for (const secret of secrets) expect(all).not.toContain(secret);
    return error.message;
  };

  test('a token is renewed before it expires, for watches and for announcements', async () => {
    const service = newService();
    const { pod, announcement } = await announced(service);
    // To this one tokens seem to live a hundred times as long: it hears of their end from the server.
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() / 100 };
    const late = nacos({ servers: [server.address], ...login, clock });
    cleanup.add(() => late.close?.());
    const other = newService();
    const refused = await late.announce(other, toEndpoint({ address: pod.address }));
    const orders = discover(server, service, cleanup, { registry: login });
    await orders.channel.ready();
    const problems: string[] = [];
    orders.channel.events.on('registry', ({ lastError }) => {
      if (lastError !== undefined) problems.push(lastError);
    });
    const startedMs = performance.now();
    const passed = () => performance.now() - startedMs;
    await expect
      .poll(passed, { timeout: 30_000, interval: 200 })
      .toBeGreaterThan(2.5 * TOKEN_SECONDS * 1_000);
    // Each of these needs a token of now: the first one is long out of date.
    await announcement.update({ weight: 3 });
    const weight = () => orders.channel.snapshot().pods.map((one) => one.weight);
    await expect.poll(weight).toEqual([3]);
    await refused.update({ weight: 3 });
    const another = discover(server, other, cleanup, { registry: login });
    await another.channel.ready();
    await expect.poll(() => another.channel.snapshot().pods).toMatchObject([{ id: pod.address, weight: 3 }]);
    expect(problems).toEqual([]);
    expect(await callsByPod(orders.client, 5)).toEqual({ [pod.address]: 5 });
  });

  test.runIf(version === oneNacosVersion)(
    'a token that expired while logins are refused: one error, calls and pushes go on',
    async () => {
      const users = version === '3.1' ? '/v3/auth/user' : '/v1/auth/users';
      const logIn = (password: string) => {
        const body = new URLSearchParams({ username: 'nacos', password });
        return fetch(`${server.url}${users}/login`, { method: 'POST', body }).catch(() => undefined);
      };
      /** Nacos looks every 15 s for what became of its users. */
      const changePassword = async (from: string, to: string) => {
        const { accessToken } = (await (await logIn(from))!.json()) as { accessToken: string };
        const query = new URLSearchParams({ username: 'nacos', newPassword: to, accessToken });
        expect((await fetch(`${server.url}${users}?${query}`, { method: 'PUT' })).status).toBe(200);
        const isKnown = async () => (await logIn(to))?.ok === true && (await logIn(from))?.ok !== true;
        await expect.poll(isKnown, { timeout: 30_000, interval: 500 }).toBe(true);
      };
      const service = newService();
      const { pod, announcement } = await announced(service);
      // Lists are asked for every 3 s here, not every 30.
      const after = (ms: number, fn: () => void) => systemClock.after(ms < 5_000 ? ms : ms / 10, fn);
      const registry = { ...login, clock: { ...systemClock, after } };
      const orders = discover(server, service, cleanup, { registry });
      await orders.channel.ready();
      const errors = new Set<string | undefined>();
      const said: unknown[] = [];
      orders.channel.events.on('registry', (status) => {
        said.push(status);
        errors.add(status.lastError);
      });
      await changePassword(PASSWORD, WRONG);
      try {
        const status = () => orders.channel.snapshot().registry;
        await expect.poll(() => status()?.lastError, { timeout: 20_000 }).toBeDefined();
        expect(status()).toMatchObject({
          state: 'watching',
          lastError: expect.stringMatching(LOGIN_REFUSED),
        });
        await expect(announcement.update({ weight: 2 })).rejects.toThrow(LOGIN_REFUSED);
        const other = await startOrdersServer();
        cleanup.add(() => other.stop());
        const theirs = nacos({ servers: [server.address], username: 'nacos', password: WRONG });
        cleanup.add(() => theirs.close?.());
        await theirs.announce(service, toEndpoint({ address: other.address }));
        await expect.poll(() => pods(orders.channel)).toEqual([pod.address, other.address].sort());
        expect(Object.values(await callsByPod(orders.client, 20)).reduce((sum, count) => sum + count)).toBe(
          20,
        );
      } finally {
        await changePassword(WRONG, PASSWORD);
      }
      const isWell = () => orders.channel.snapshot().registry?.lastError === undefined;
      await expect.poll(isWell, { timeout: 10_000 }).toBe(true);
      await expect
        .poll(() => announcement.update({ weight: 3 }).catch(String), { timeout: 5_000, interval: 500 })
        .toBeUndefined();
      expect([...errors].filter((error) => error !== undefined)).toHaveLength(1);
      const all = JSON.stringify([said, orders.channel.snapshot()]);
      for (const secret of [WRONG, 'accessToken']) expect(all).not.toContain(secret);
    },
    120_000,
  );

  test('a wrong password is an error that says so, without the password', async () => {
    const message = await refused(newService(), { username: 'nacos', password: WRONG }, [WRONG]);
    expect(message).toMatch(LOGIN_REFUSED);
  });

  test('no login is an error that asks for one', async () => {
    const message = await refused(newService(), {}, [PASSWORD.repeat(2)]);
    expect(message).toMatch(
      /refused SubscribeServiceRequest.*\(code 403\); give nacos\(\) a username and password/,
    );
  });

  test('a service, group or namespace that is not there is named', async () => {
    const service = newService();
    await announced(service);
    const wrong = (target: string) => refused(target, login, ['accessToken']);
    const place = (name: string, group: string, namespace: string) =>
      `Nacos lists no instance of service "${name}", group "${group}", namespace "${namespace}": check these names, and whether providers run`;
    const messages = await Promise.all([
      wrong(`${service}x`),
      wrong(`${service}?group=G`),
      wrong(`${service}?namespace=elsewhere`),
    ]);
    expect(messages[0]).toContain(place(`${service}x`, 'DEFAULT_GROUP', 'public'));
    expect(messages[1]).toContain(place(service, 'G', 'public'));
    expect(messages[2]).toContain(place(service, 'DEFAULT_GROUP', 'elsewhere'));
  });

  test('a server that cannot be reached is named, with what to open', async () => {
    const registry = { ...login, password: WRONG, servers: ['127.0.0.1:9'] };
    const message = await refused(newService(), registry, [WRONG]);
    expect(message).toMatch(
      /no Nacos server can be reached over gRPC \(HTTP port \+ 1000\) in plaintext: .*127\.0\.0\.1:1009.*ECONNREFUSED.*; check options\.servers, that this port is open, and whether gRPC wants TLS there/,
    );
  });

  test('a server of which gRPC is open but not HTTP, where the login is', async () => {
    const registry = {
      ...login,
      password: WRONG,
      servers: [`127.0.0.1:${server.port + 1}`],
      grpcPortOffset: 999,
    };
    const message = await refused(newService(), registry, [WRONG]);
    expect(message).toMatch(/no Nacos server took the login: login at .*: check that its port is open/);
  });

  test('a server that is wiped has forgotten all', async () => {
    const list = async (query = '') => {
      const reply = await fetch(`${server.url}/v1/ns/instance/list?serviceName=orders${query}`);
      return [reply.status, reply.ok && ((await reply.json()) as { hosts: unknown[] }).hosts.length];
    };
    const token = async () => {
      const body = new URLSearchParams({ username: 'nacos', password: PASSWORD });
      const reply = await fetch(`${server.url}/v1/auth/login`, { method: 'POST', body });
      return `&accessToken=${((await reply.json()) as { accessToken: string }).accessToken}`;
    };
    expect(await list()).toEqual([403, false]);
    const query = `?serviceName=orders&ip=127.0.0.1&port=1${await token()}`;
    expect((await fetch(`${server.url}/v1/ns/instance${query}`, { method: 'POST' })).status).toBe(200);
    await expect.poll(async () => list(await token()), { timeout: 10_000 }).toEqual([200, 1]);
    await server.stop();
    server.wipe();
    await server.start();
    expect(await list(await token())).toEqual([200, 0]);
  }, 180_000);
});
