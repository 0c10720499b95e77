import { readFileSync } from 'node:fs';
import { toEndpoint } from '@podwire/registry';
import { Followed } from '@podwire/registry/testing';
import { nacos } from '@podwire/registry-nacos';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Nacos, startNacos } from '../servers/nacos.mjs';
import { nacosVersions, newService } from '../support/nacos.ts';

const file = (name: string) => new URL(`../certs/${name}`, import.meta.url).pathname;
const tls = { ca: readFileSync(file('ca-one.pem')), serverName: 'localhost' };

describe.each(nacosVersions)("Nacos %s with its own TLS, which is gRPC's alone", (version) => {
  let server: Nacos;
  beforeAll(async () => {
    const prefix = 'nacos.remote.server.rpc.tls';
    server = await startNacos({
      version,
      auth: true,
      properties: {
        [`${prefix}.enableTls`]: true,
        [`${prefix}.compatibility`]: false,
        [`${prefix}.certChainFile`]: `file:${file('server-one.pem')}`,
        [`${prefix}.certPrivateKey`]: `file:${file('server-one.key')}`,
      },
    });
  }, 180_000);
  afterAll(() => server?.close());

  const login = { username: 'nacos', password: 'nacos' };

  test.each([
    ['by the option', (address: string) => ({ servers: [address], tls, httpTls: false as const })],
    ['by the URL', (address: string) => ({ servers: [`http://${address}`], tls })],
  ])('is logged in to, announced to and watched: %s', { timeout: 30_000 }, async (_how, options) => {
    const service = newService();
    const registry = nacos({ ...options(server.address), ...login });
    const announcement = await registry.announce(service, toEndpoint({ address: '[fd00::1]:50051' }));
    const followed = new Followed(registry, service);
    await expect.poll(() => followed.ids, { timeout: 10_000 }).toEqual(['[fd00::1]:50051']);
    await announcement.withdraw();
    await followed.close();
    await registry.close?.();
  });

  test.each([
    ['TLS for both', { tls }, 'the port answers in plaintext, and was asked over TLS'],
    ['TLS for neither', {}, 'whether gRPC wants TLS there (options.tls)'],
  ])('says what answered: %s', { timeout: 30_000 }, async (_what, options, said) => {
    const registry = nacos({ servers: [server.address], ...login, ...options });
    const followed = new Followed(registry, 'orders');
    await followed.done;
    expect((followed.error as Error).message).toContain(said);
    await registry.close?.();
  });
});
