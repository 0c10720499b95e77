import { readFileSync } from 'node:fs';
import { createServer as createHttp, type Server as HttpServer, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ServerCredentials } from '@grpc/grpc-js';
import { Followed, until } from '@podwire/registry/testing';
import { afterEach, expect, it } from 'vitest';
import { nacos } from '../nacos.ts';
import type { NacosOptions } from '../options.ts';
import { FakeNacos, host } from '../testing/fake-nacos.ts';

const pem = (name: string) => readFileSync(new URL(`../../../../test/certs/${name}.pem`, import.meta.url));
const key = readFileSync(new URL('../../../../test/certs/server-one.key', import.meta.url));
const TLS = { ca: pem('ca-one'), serverName: 'localhost' };
const PASSWORD = 'do-not-show-me';
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A Nacos whose gRPC and HTTP each speak TLS or not. */
async function start({ grpc, http }: { readonly grpc: boolean; readonly http: boolean }) {
  const credentials = grpc
    ? ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: pem('server-one') }])
    : ServerCredentials.createInsecure();
  const server = await new FakeNacos(credentials).start();
  server.hosts = [host(1)];
  cleanups.push(() => server.stop());
  let logins = 0;
  const answer: RequestListener = (_request, response) => {
    logins += 1;
    response.end(JSON.stringify({ accessToken: 't', tokenTtl: 100 }));
  };
  const login: HttpServer = http ? createHttps({ key, cert: pem('server-one') }, answer) : createHttp(answer);
  await new Promise<void>((resolve) => login.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    login.closeAllConnections();
    return new Promise((resolve) => login.close(resolve));
  });
  const { port } = login.address() as AddressInfo;
  return { port, grpcPortOffset: server.grpcPort - port, logins: () => logins };
}

/** What a watch with a login comes to. */
async function outcome(
  of: { readonly port: number; readonly grpcPortOffset: number },
  scheme: string,
  options: Partial<NacosOptions>,
): Promise<string> {
  const registry = nacos({
    servers: [`${scheme}127.0.0.1:${of.port}`],
    grpcPortOffset: of.grpcPortOffset,
    username: 'u',
    password: PASSWORD,
    ...options,
  });
  const followed = new Followed(registry, 'orders');
  await until(() => followed.ended || followed.ids.length > 0, 'an outcome');
  await followed.close();
  await registry.close?.();
  return followed.ids.join() || (followed.error as Error).message;
}

it.each([
  ['neither', { grpc: false, http: false }, '', {}],
  ['both', { grpc: true, http: true }, '', { tls: TLS }],
  ['gRPC alone, by the option', { grpc: true, http: false }, '', { tls: TLS, httpTls: false }],
  ['gRPC alone, by the URL', { grpc: true, http: false }, 'http://', { tls: TLS }],
  ['HTTP alone', { grpc: false, http: true }, '', { httpTls: TLS }],
  ['HTTP alone, by the URL', { grpc: false, http: true }, 'https://', { httpTls: { ca: TLS.ca } }],
  ['both, of which each checks its own', { grpc: true, http: true }, '', { tls: TLS, httpTls: TLS }],
] as const)(
  'a Nacos that speaks TLS on %s is logged in to and watched',
  async (_on, has, scheme, options) => {
    const server = await start(has);
    expect(await outcome(server, scheme, options)).toBe('10.0.0.1:1');
    expect(server.logins()).toBe(1);
  },
);

it.each([
  [
    'HTTP in plaintext to a login over TLS',
    { grpc: true, http: false },
    { tls: TLS },
    /the port answers in plaintext, and was asked over TLS; Nacos's own TLS is for gRPC alone: set options.httpTls to false/,
  ],
  [
    'TLS to a login in plaintext',
    { grpc: false, http: true },
    {},
    /(does it want TLS \(options\.httpTls\)|is it TLS \(options\.httpTls\), or gRPC's port)/,
  ],
  [
    'gRPC in plaintext to a connection over TLS',
    { grpc: false, http: false },
    { tls: TLS, httpTls: false },
    /over gRPC \(HTTP port \+ -?\d+\) over TLS: .*does not speak TLS.*whether gRPC speaks TLS there \(options\.tls; options\.httpTls is for HTTP alone\)/,
  ],
  [
    'gRPC over TLS to a connection in plaintext',
    { grpc: true, http: false },
    {},
    /over gRPC \(HTTP port \+ -?\d+\) in plaintext: .*whether gRPC wants TLS there \(options\.tls\)/,
  ],
] as const)('%s is said', async (_what, has, options, said) => {
  const message = await outcome(await start(has), '', options);
  expect(message).toMatch(said);
  expect(message).not.toContain(PASSWORD);
});

it('a server that says that it wants TLS is believed', async () => {
  const server = await start({ grpc: false, http: false });
  const tomcat = createHttp((_request, response) =>
    response.writeHead(400).end('Bad Request\nThis combination of host and port requires TLS.\n'),
  );
  await new Promise<void>((resolve) => tomcat.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => tomcat.close(resolve)));
  const { port } = tomcat.address() as AddressInfo;
  const at = { port, grpcPortOffset: server.grpcPortOffset + server.port - port };
  expect(await outcome(at, '', {})).toContain('the port speaks TLS, and was asked in plaintext');
});
