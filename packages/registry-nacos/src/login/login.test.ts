import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { readOptions } from '../options.ts';
import { Login } from './login.ts';

const PASSWORD = 'do-not-show-me';
let server: Server;
let now = 0;
const seen: string[] = [];

afterEach(() => {
  seen.length = 0;
  return new Promise((resolve) => server.close(resolve));
});

async function login(answer: (path: string) => [number, string]): Promise<Login> {
  server = createServer((request, response) => {
    seen.push(request.url!);
    const [status, body] = answer(request.url!);
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clock = { nowMs: () => now, wallMs: () => now, after: () => ({ cancel() {} }) };
  return new Login(readOptions({ servers: [address], username: 'u', password: PASSWORD, clock }));
}

it('logs in once, renews before the token expires, and again when Nacos refuses it', async () => {
  let count = 0;
  const it = await login(() => [200, JSON.stringify({ accessToken: `t${++count}`, tokenTtl: 100 })]);
  expect(await Promise.all([it.headers(false), it.headers(false)])).toEqual([
    { accessToken: 't1' },
    { accessToken: 't1' },
  ]);
  now += 89_000;
  expect(await it.headers(false)).toEqual({ accessToken: 't1' });
  now += 2_000;
  expect(await it.headers(false)).toEqual({ accessToken: 't2' });
  expect(await it.headers(true)).toEqual({ accessToken: 't3' });
});

it.each([404, 410, 500])('uses the login of 3.x where that of 2.x answers %i', async (status) => {
  const data = { accessToken: 't', tokenTtl: 100 };
  const it = await login((path) => (path.includes('/v1/') ? [status, ''] : [200, JSON.stringify({ data })]));
  expect(await it.headers(false)).toEqual({ accessToken: 't' });
  expect(seen).toEqual(['/nacos/v1/auth/login', '/nacos/v3/auth/user/login']);
});

it.each([
  [403, PASSWORD, /refused the login of user 'u' \(HTTP 403\): check username and password/],
  [200, `{"password":"${PASSWORD}"}`, /unexpected answer \(HTTP 200\)/],
  [500, PASSWORD, /failed the login of user 'u' \(HTTP 500, .*\): check username and password/],
  [404, '', /check options\.contextPath/],
])('says what to do after an answer %i, and shows no secret', async (status, body, message) => {
  const it = await login(() => [status, body]);
  const error: Error = await it.headers(false).then(
    () => expect.fail('must reject'),
    (error) => error,
  );
  expect(error.message).toMatch(message);
  expect(error.message + seen.join()).not.toContain(PASSWORD);
});
