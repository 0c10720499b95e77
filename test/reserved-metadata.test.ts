import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { failure } from './support/orders-fixture.ts';

/** The headers of the last request, as they came. */
let seen: readonly string[] = [];
const server = createServer();
server.on('stream', (stream: ServerHttp2Stream, _headers: unknown, _flags: unknown, raw: string[]) => {
  seen = raw;
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.alloc(5));
});
let address = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const raw = (value: Buffer) => value;
type Values = readonly (string | Buffer)[];

/** What a server gets of metadata with this name. */
async function sent(
  channel: grpc.ChannelInterface | undefined,
  name: string,
  values: Values,
  options: grpc.CallOptions,
) {
  seen = [];
  const metadata = new grpc.Metadata();
  for (const value of values) metadata.add(name, value);
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), {
    ...(channel !== undefined && { channelOverride: channel as grpc.Channel }),
  });
  await new Promise<void>((resolve, reject) => {
    const done = (error: grpc.ServiceError | null) => (error === null ? resolve() : reject(error));
    client.makeUnaryRequest('/a.B/C', raw, raw, Buffer.alloc(0), metadata, options, done);
  });
  if (channel === undefined) client.close();
  return seen.filter((_, i) => i % 2 === 1 && seen[i - 1] === name);
}

const deadline = Date.now() + 1_000_000;

describe.each(['http2', 'node-http2'] as const)('over %s', (transport) => {
  test.each<[string, Values, grpc.CallOptions?]>([
    ['grpc-foo', ['1', '2']],
    ['grpc-foo-bin', [Buffer.from('x'), Buffer.from('yy')]],
    ['grpc-trace-bin', [Buffer.from('x')]],
    ['grpc-timeout', ['7S']],
    ['grpc-encoding', ['gzip']],
    ['grpc-accept-encoding', ['gzip']],
    ['grpc-previous-rpc-attempts', ['3']],
    ['grpc-retry-pushback-ms', ['3']],
    ['grpc-status', ['3']],
    ['grpc-message', ['no']],
    ['host', ['other.example']],
    ['te', ['gzip']],
    ['content-type', ['text/plain']],
    [':path', ['/other']],
    [':foo', ['x']],
    ['cookie', ['a', 'b']],
    ['set-cookie', ['a', 'b']],
    ['constructor', ['x']],
    ['x-empty', ['']],
  ])('%s is sent as grpc-js sends it', async (name, values, options = {}) => {
    const ours = await sent(openChannel(`static:///${address}`, { transport }), name, values, options);
    expect(ours).toEqual(await sent(undefined, name, values, options));
  });

  test("user-agent is podwire's, and grpc-timeout the deadline's", async () => {
    const channel = openChannel(`static:///${address}`, { transport });
    expect(await sent(channel, 'user-agent', ['me'], {})).toEqual([
      expect.stringMatching(/^grpc-node-podwire\/\d/),
    ]);
    expect(await sent(channel, 'grpc-timeout', ['7S'], { deadline })).toEqual([
      expect.stringMatching(/^\d{6}m$/),
    ]);
  });

  test.each([
    ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'http2-settings'],
    ...['content-length', 'a:b'],
  ])('%s is refused, and says so', async (name) => {
    const channel = openChannel(`static:///${address}`, { transport });
    expect(await failure(sent(channel, name, ['x'], {}))).toMatchObject({
      code: grpc.status.INTERNAL,
      reason: 'INVALID_CALL',
      details: expect.stringContaining(`metadata named ${name} cannot be sent over HTTP/2: leave it out`),
    });
    expect(seen).toEqual([]);
  });

  test('two values of authorization are refused, in grpc-js’s words', async () => {
    const channel = openChannel(`static:///${address}`, { transport });
    const details = '"authorization" metadata cannot have multiple values';
    const ours = await failure(sent(channel, 'authorization', ['a', 'b'], {}));
    expect(ours).toMatchObject({ code: grpc.status.INTERNAL, details: expect.stringContaining(details) });
    const theirs = await failure(sent(undefined, 'authorization', ['a', 'b'], {}));
    expect(theirs).toMatchObject({ code: grpc.status.INTERNAL, details });
  });
});
