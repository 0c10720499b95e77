import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import type { ChannelOptions } from 'podwire';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DnsServer } from '../packages/registry/src/testing/dns-server.ts';
import { openChannel } from './support/channel.ts';
import { get, ordersClient } from './support/orders-client.ts';

const certs = fileURLToPath(new URL('certs/', import.meta.url));
const read = (name: string) => readFileSync(`${certs}${name}`);

/** Names that clients asked for (SNI). */
let names: string[] = [];
const server = createSecureServer({
  cert: read('server-one.pem'),
  key: read('server-one.key'),
  SNICallback: (name, done) => {
    names.push(name);
    done(null);
  },
});
let dns: DnsServer;
let port: number;
beforeAll(async () => {
  server.on('stream', (stream) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' },
      { endStream: true },
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
  const pod = { srv: [{ name: 'orders.test', port, priority: 0, weight: 0 }] };
  dns = await DnsServer.listen({
    'orders.test': { addresses: ['127.0.0.1'] },
    '_grpc._tcp.orders.test': pod,
  });
});
beforeEach(() => {
  names = [];
});
afterAll(async () => {
  server.close();
  await dns.close();
});

describe.each(['http2', 'node-http2'] as const)('over %s, a dot at the end of', (transport) => {
  test.each<[string, () => string, ChannelOptions & { name?: string }]>([
    ['a target', () => `dns://${dns.address}/orders.test.:${port}`, {}],
    ['an authority', () => `static:///127.0.0.1:${port}`, { authority: 'orders.test.' }],
    ['an authority with a port', () => `static:///127.0.0.1:${port}`, { authority: 'orders.test.:443' }],
    ['tls.serverName', () => `static:///127.0.0.1:${port}`, { name: 'orders.test.' }],
    [
      'the authority of a mesh',
      () => 'static:///127.0.0.1:1',
      { mode: 'mesh', mesh: { address: '127.0.0.1:0' }, authority: 'orders.test.:443' } as ChannelOptions,
    ],
  ])('%s is not in the name that TLS asks for and checks', async (_what, target, { name, ...options }) => {
    const { mesh } = options;
    const channel = openChannel(target(), {
      ...options,
      ...(mesh && { mesh: { ...mesh, address: `127.0.0.1:${port}` } }),
      transport,
      tls: { ca: read('ca-one.pem'), ...(name && { serverName: name }) },
    });
    await expect(get(ordersClient(channel))).rejects.toMatchObject({ code: grpc.status.UNIMPLEMENTED });
    expect(names).toEqual(['orders.test']);
    await channel.close();
  });
});
