import { readFileSync } from 'node:fs';
import { Metadata, ServerCredentials, type ServiceError } from '@grpc/grpc-js';
import { type ChannelOptions, createChannel } from 'podwire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ordersClient } from '../support/orders-client.ts';
import { type OrdersServer, startOrdersServer } from '../support/orders-server.ts';
import { CERTIFICATE, type HostilePeer, liveBytes, startHostilePeer } from './hostile-peer.ts';

const TLS = 'garbage after TLS';
/** So many rounds of so many calls at once. */
const ROUNDS = 5;
const CALLS = 4;
/** Half of the calls reach the hostile Pod first; those that it merely keeps waiting end by this. */
const DEADLINE_MS = 600;

let peer: HostilePeer;
let honest: OrdersServer;
let honestTls: OrdersServer;
beforeAll(async () => {
  peer = await startHostilePeer();
  honest = await startOrdersServer();
  // What is made once, such as tables of methods, is made before memory is looked at.
  await callPods(`static:///${honest.address}`, honest.address, {});
  const pair = {
    private_key: readFileSync(CERTIFICATE.keyFile),
    cert_chain: readFileSync(CERTIFICATE.certFile),
  };
  honestTls = await startOrdersServer({ credentials: ServerCredentials.createSsl(null, [pair]) });
});
afterAll(async () => {
  await honest.stop();
  await honestTls.stop();
  peer.stop();
});

const serviceConfig = {
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: '0.01s',
        maxBackoff: '0.05s',
        backoffMultiplier: 2,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
};

interface Outcome {
  /** The Pod that answered, or the status of the failure. */
  readonly result: string;
  readonly tookMs: number;
}

/** Calls over a channel, one after the other. */
async function callPods(target: string, honestAddress: string, options: ChannelOptions) {
  const beforeBytes = liveBytes();
  const channel = createChannel(target, {
    transport: 'http2',
    policy: 'round_robin',
    serviceConfig,
    ...options,
  });
  const client = ordersClient(channel);
  await channel.ready();
  const call = () =>
    new Promise<Outcome>((resolve) => {
      const startedMs = performance.now();
      const end = (result: string) => resolve({ result, tookMs: performance.now() - startedMs });
      client.get({ id: '1' }, new Metadata(), { deadline: Date.now() + DEADLINE_MS }, (error, order) =>
        end(error !== null ? statusOf(error) : order!.pod === honestAddress ? 'honest' : 'hostile'),
      );
    });
  const outcomes: Outcome[] = [];
  for (let i = 0; i < ROUNDS; i++) outcomes.push(...(await Promise.all(Array.from({ length: CALLS }, call))));
  const grewBytes = liveBytes() - beforeBytes;
  await channel.close({ graceMs: 0 });
  expect(Math.max(...outcomes.map(({ tookMs }) => tookMs))).toBeLessThan(1_000);
  expect(grewBytes).toBeLessThan(8e6);
  return outcomes.map(({ result }) => result);
}

function callBoth(attack: string): Promise<string[]> {
  const { address } = attack === TLS ? honestTls : honest;
  const tls = { caFile: CERTIFICATE.caFile, serverName: 'localhost' };
  return callPods(
    `static:///127.0.0.1:${peer.ports[attack]},${address}`,
    address,
    attack === TLS ? { tls } : {},
  );
}

const statusOf = ({ code, details }: ServiceError) => `${code} ${details.replace(/ \[.*/s, '')}`;

describe('a hostile Pod beside an honest one', () => {
  test.each([
    'empty CONTINUATION flood',
    'header list without end',
    'SETTINGS flood',
    'SETTINGS of a thousand entries',
    'SETTINGS acknowledgement flood',
    'PING flood',
    'PING flood from a peer that does not read',
    'PRIORITY flood',
    'flood of unknown frames',
    'flood of 1xx responses',
    'HPACK table turned over without end',
    'HPACK index beyond the table',
    'HPACK table above the limit',
    'HPACK integer without end',
    'connection window overflow',
    'stream windows overflow by SETTINGS',
    'DATA on an idle stream',
    'HEADERS on an idle stream',
    'WINDOW_UPDATE on an idle stream',
    'RST_STREAM on an idle stream',
    'CONTINUATION of nothing',
    'a frame of 16 MiB',
    'a push',
    'a storm of GOAWAY',
    'a storm of refusals',
    'no streams allowed',
    'no SETTINGS',
    'HTTP/1',
    TLS,
  ])('%s: every call is answered by the honest one', async (attack) => {
    expect(new Set(await callBoth(attack))).toEqual(new Set(['honest']));
  });

  test.each([
    ['empty DATA flood', /^14 .*flood/],
    ['one-byte DATA flood', /^14 .*flood/],
    // It begins with a message too many, which only clients of createClient look at.
    ['more DATA than the window', /^(14 .*window|12 Too many responses)/],
    ['RST_STREAM flood', /^1 /],
    ['HPACK bomb', /^8 .*headers of \d+ bytes/],
    ['stream window overflow', /^13 .*window above/],
    ['DATA on a closed stream', /^2 /],
    ['HEADERS on a closed stream', /^2 /],
    ['a length prefix of 4 GiB', /^8 .*4294967295/],
    ['a gzip bomb', /^8 /],
    ['windows of 0 bytes for ever', /^4 /],
  ])(
    '%s: the calls whose reply had begun, or that could be its own fault, fail and say why',
    async (attack, status) => {
      const results = await callBoth(attack);
      const failed = results.filter((result) => result !== 'honest');
      expect(failed.length).toBeGreaterThan(0);
      expect(failed.length).toBeLessThan(results.length);
      for (const result of failed) expect(result).toMatch(status);
    },
  );
});

describe('hostile Pods alone', () => {
  test.each([
    ['a storm of refusals', /^14 .*refused/],
    // A connection that was ready is no failure to connect, so that calls wait for the next one, as with gRPC's other clients.
    ['a storm of GOAWAY', /^(4|14) .*(GOAWAY|flood of frames)/],
    ['PING flood', /^(4|14) .*flood of frames/],
    ['no streams allowed', /^4 .*waiting for room/],
  ])('%s: calls end in time, and say why', async (attack, status) => {
    const results = await callPods(`static:///127.0.0.1:${peer.ports[attack]}`, '', {});
    for (const result of results) expect(result).toMatch(status);
  });
});
