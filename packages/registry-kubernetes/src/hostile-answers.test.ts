import { gzipSync } from 'node:zlib';
import { Followed, until, VirtualClock } from '@podwire/registry/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeApiServer, status } from './testing/fake-api-server.ts';
import { Fixture } from './testing/fixture.ts';

let fixture: Fixture;

beforeEach(async () => {
  fixture = await Fixture.withPod();
});

afterEach(() => fixture.close());

/** The error of a watch of `orders`; anything that the server sends must come to one, soon and without the token. */
async function failure(): Promise<string> {
  const followed = new Followed(fixture.registry({ requestTimeoutMs: 1_000 }), 'orders');
  await until(() => followed.ended, 'the failure');
  expect(followed.updates).toEqual([]);
  const { stack = '', message } = followed.error as Error;
  expect(stack).not.toContain('good-token');
  expect(message.length).toBeLessThan(500);
  return message;
}

/** A hundred megabytes when it is unpacked. */
const BOMB = gzipSync(Buffer.alloc(100 << 20));
const DRIP_MS = 50;
const CUT = 'no answer from the API server';

describe('an answer to a list', () => {
  it.each<[string, string | Buffer, string]>([
    ['in no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n', CUT],
    ['with headers of a megabyte', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(1 << 20)}\r\n\r\n{}`, CUT],
    [
      'that switches protocols',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
      CUT,
    ],
    ['that says to go on, and on', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(50_000), 'in 1000 ms'],
    ['without content', 'HTTP/1.1 204 No Content\r\n\r\n', 'answered 204'],
    [
      'that breaks off',
      'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"items":',
      'was not complete in 1000 ms',
    ],
    ['in two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}', CUT],
    [
      'compressed, although the request did not ask for that',
      Buffer.concat([
        Buffer.from(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${BOMB.length}\r\n\r\n`),
        BOMB,
      ]),
      'that are no JSON',
    ],
  ])('%s is one error', async (_what, raw, said) => {
    fixture.server.intercept = (_request, response) => response.socket!.write(raw) || true;
    expect(await failure()).toContain(said);
  });

  it.each([
    '{}',
    '{"status":"ok"}',
    '{"metadata":{"resourceVersion":"5"}}',
    '{"kind":"Status","status":"Failure","code":500}',
  ])('that is no list, as %s, is not taken for a service without Pods', async (body) => {
    fixture.server.intercept = (_request, response) => response.end(body).writableEnded;
    expect(await failure()).toContain('is no list of endpointslices.discovery.k8s.io in namespace prod');
  });

  it('that has null for its items, as Go writes none, is of a service without Pods', async () => {
    fixture.server.intercept = ({ kind }, response) =>
      kind === 'list' && response.end('{"metadata":{"resourceVersion":"5"},"items":null}').writableEnded;
    const followed = new Followed(fixture.registry(), 'orders');
    await until(() => followed.updates.length > 0, 'what is said');
    expect(followed.updates[0]).toMatchObject({ type: 'missing' });
    await followed.close();
  });

  it.each([
    ['headers', 'HTTP/1.1 200 OK\r\nx: '],
    ['body', 'HTTP/1.1 200 OK\r\n\r\n{"items":[ '],
  ])('whose %s drips is given up after the time-out', async (_what, start) => {
    const drips: NodeJS.Timeout[] = [];
    fixture.server.intercept = (_request, { socket }) => {
      socket!.write(start);
      socket!.on('error', () => {});
      drips.push(setInterval(() => socket!.write(' '), DRIP_MS));
      return true;
    };
    expect(await failure()).toContain('in 1000 ms');
    for (const drip of drips) clearInterval(drip);
  });

  it('that sends elsewhere is not followed, and elsewhere sees no token', async () => {
    const elsewhere = await new FakeApiServer().start();
    fixture.server.intercept = ({ path }, response) => {
      response.writeHead(307, { location: `https://127.0.0.1:${elsewhere.port}${path}` }).end();
      return true;
    };
    expect(await failure()).toContain('answered 307');
    expect(elsewhere.requests).toEqual([]);
    await elsewhere.stop();
  });

  it.each([
    ['as it is', (token: string) => `no user has the token ${token}`],
    ['with its scheme', (token: string) => `bad header: Authorization: Bearer ${token}.`],
  ])('that repeats the token %s is quoted without it', async (_how, said) => {
    fixture.server.intercept = ({ authorization = '' }, response) => {
      status(response, 403, 'Forbidden', said(authorization.slice('Bearer '.length)));
      return true;
    };
    expect(await failure()).toMatch(/not allowed to list .*(user|header)/);
  });

  it.each([
    ['the same page', () => 'again'],
    ['ever another page', (page: number) => `page-${page}`],
    ['a page whose token is no text', () => 7],
    ['a page whose token is endless', () => 'x'.repeat(100_000)],
  ])('that promises %s next is given up', async (_what, token) => {
    let pages = 0;
    fixture.server.intercept = (_request, response) => {
      pages += 1;
      const metadata = { resourceVersion: '7', continue: token(pages) };
      return response.end(JSON.stringify({ metadata, items: [] })).writableEnded;
    };
    expect(await failure()).toMatch(/has no end|has a next page and no token/);
    expect(pages).toBeLessThanOrEqual(200);
  });

  it.each(['31536000', '1e999', '99999999999999999999', 'Fri, 31 Dec 2999 23:59:59 GMT'])(
    'that asks to come back after %s is not taken at its word for more than 20 s',
    async (after) => {
      const clock = new VirtualClock();
      const registry = fixture.registry({ clock });
      fixture.server.intercept = (_request, response) => {
        response.setHeader('retry-after', after);
        status(response, 429, 'TooManyRequests', 'too many requests');
        return true;
      };
      await new Followed(registry, 'orders').done;
      fixture.server.intercept = undefined;
      const followed = new Followed(registry, 'orders');
      await clock.advance(20_000);
      await until(() => followed.ids.length === 1, 'the Pod');
      await followed.close();
    },
  );
});
