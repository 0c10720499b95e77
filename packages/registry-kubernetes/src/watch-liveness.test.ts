import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Followed, until, VirtualClock } from '@podwire/registry/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { status } from './testing/fake-api-server.ts';
import { Fixture, slice } from './testing/fixture.ts';
import { Watched } from './testing/watched.ts';

let fixture: Fixture;
let clock: VirtualClock;

beforeEach(async () => {
  fixture = await Fixture.open();
  clock = new VirtualClock();
  fixture.server.store.put(slice('orders-a', [{ ip: '10.0.0.1' }]));
});

afterEach(() => fixture.close());

describe('a watch that falls silent', () => {
  it('is taken for dead after 90 s, and the service is listed anew', async () => {
    const watched = new Watched(fixture.registry({ clock }));
    const { server } = fixture;
    await watched.untilIds('10.0.0.1');
    await until(() => server.watches === 1, 'a watch');
    server.intercept = ({ kind }, response) => {
      if (kind === 'watch') return false;
      server.intercept = undefined;
      server.store.remove('orders-a');
      server.store.put(slice('orders-b', [{ ip: '10.0.0.2' }]));
      status(response, 503, 'ServiceUnavailable', 'etcd has no leader');
      return true;
    };
    await clock.advance(89_999);
    expect(watched.status.state).toBe('watching');
    await clock.advance(1);
    await watched.untilError('was silent for 90000 ms');
    expect(watched.ids).toEqual(['10.0.0.1:50051']);
    await until(
      () => watched.ids[0] === '10.0.0.2:50051',
      'the new Pod',
      () => clock.advance(250),
    );
    watched.close();
  });

  it('is kept alive by a bookmark', async () => {
    const watched = new Watched(fixture.registry({ clock }));
    const { server } = fixture;
    await until(() => server.watches === 1, 'a watch');
    for (let i = 0; i < 5; i++) {
      await clock.advance(75_000);
      const before = server.store.version;
      server.sendBookmark();
      server.store.put(slice('orders-a', [{ ip: `10.0.1.${i}` }]));
      await watched.untilIds(`10.0.1.${i}`);
      expect(server.store.version).toBe(before + 1);
    }
    expect(server.of('watch')).toHaveLength(1);
    expect(watched.errors).toEqual([]);
    watched.close();
  });
});

describe('a server that takes connections and never answers', () => {
  let mute: Server;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    mute = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(mute, 'listening');
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    mute.close();
    await once(mute, 'close');
  });

  it('is given up after the time-out, with nothing left open', async () => {
    const port = String((mute.address() as { port: number }).port);
    const env = { ...fixture.env, KUBERNETES_SERVICE_PORT: port };
    const followed = new Followed(fixture.registry({ clock, env, requestTimeoutMs: 2_000 }), 'orders');
    await until(() => sockets.length === 1, 'a connection');
    const closed = once(sockets[0]!, 'close');
    sockets[0]!.resume();
    await clock.advance(2_000);
    await followed.done;
    expect(String(followed.error)).toContain(
      `no answer from the API server https://127.0.0.1:${port} in 2000 ms`,
    );
    await closed;
    expect(clock.pending).toBe(0);
  });
});

describe('a list that never ends', () => {
  it('is given up after the time-out', async () => {
    fixture.server.intercept = (_request, response) => {
      response.writeHead(200);
      return response.write('{"items":[');
    };
    const followed = new Followed(fixture.registry({ clock }), 'orders');
    await until(() => fixture.server.requests.length > 0, 'the request');
    await until(
      () => followed.ended,
      'the time-out',
      () => clock.advance(5_000),
    );
    expect(String(followed.error)).toMatch(/was not complete in 10000 ms|no answer .* in 10000 ms/);
  });
});

describe('load on the API server', () => {
  it('is one watch for a process, however many look', async () => {
    const { server } = fixture;
    const registries = Array.from({ length: 10 }, () => fixture.registry());
    const all = registries.flatMap((registry) => [
      ...Array.from({ length: 9 }, () => new Followed(registry, 'orders')),
      new Followed(registry, 'orders.prod:50051'),
    ]);
    await until(() => all.every(({ ids }) => ids.length === 1), 'all to see the Pod');
    server.store.put(slice('orders-b', [{ ip: '10.0.0.2' }]));
    await until(() => all.every(({ ids }) => ids.length === 2), 'all to see the change');
    expect(server.requests.map(({ kind }) => kind)).toEqual(['list', 'watch']);
    expect(server.connections).toBe(1);
    await Promise.all(all.slice(1).map((followed) => followed.close()));
    expect(server.watches).toBe(1);
    await all[0]!.close();
    await until(() => server.connections === 0, 'the connection to be closed');
  });

  it('is one attempt in each gap while the server is away, however many look', async () => {
    const { server } = fixture;
    const registry = fixture.registry({ clock });
    server.intercept = (_request, response) => {
      status(response, 503, 'ServiceUnavailable', 'starting');
      return true;
    };
    const attempt = async () => {
      const before = server.requests.length;
      // With its namespace in the name each joins at once: none comes when the attempt is over already.
      const all = Array.from({ length: 20 }, () => new Followed(registry, 'orders.prod'));
      await until(() => clock.pending > 0 || all.every(({ ended }) => ended), 'the gap, or the attempt');
      await clock.advance(1_000);
      await Promise.all(all.map(({ done }) => done));
      return server.requests.length - before;
    };
    expect(await attempt()).toBe(1);
    expect(await attempt()).toBe(1);
    expect(await attempt()).toBe(1);
  });

  it('is less when the server asks for time', async () => {
    const { server } = fixture;
    const registry = fixture.registry({ clock });
    server.intercept = (_request, response) => {
      response.setHeader('retry-after', '7');
      status(response, 429, 'TooManyRequests', 'too many requests');
      return true;
    };
    await new Followed(registry, 'orders').done;
    server.intercept = undefined;
    const followed = new Followed(registry, 'orders');
    await clock.advance(6_999);
    expect(server.requests).toHaveLength(1);
    await clock.advance(1);
    await until(() => followed.ids.length === 1, 'the Pod');
    await followed.close();
  });
});

describe('an end', () => {
  it('of the registry ends its watches and no one else’s', async () => {
    const [mine, other] = [fixture.registry(), fixture.registry()];
    const [a, b] = [new Followed(mine, 'orders'), new Followed(other, 'orders')];
    await until(() => a.ids.length === 1 && b.ids.length === 1, 'the Pod');
    await mine.close?.();
    await a.done;
    expect(a.error).toBeUndefined();
    expect(b.ended).toBe(false);
    await b.close();
    const late = new Followed(mine, 'orders');
    await late.done;
    expect(late.updates).toEqual([]);
  });

  it('of a process is not put off by a watch', async () => {
    const script = `
      import { kubernetes } from '@podwire/registry-kubernetes';
      const registry = kubernetes({ serviceAccountDir: process.env.SERVICE_ACCOUNT_DIR });
      const hold = setInterval(() => {}, 1000);
      for await (const update of registry.watch('orders', { signal: new AbortController().signal })) {
        process.stdout.write(update.type);
        clearInterval(hold);
      }`;
    const env = { ...process.env, ...fixture.env, SERVICE_ACCOUNT_DIR: fixture.dir, KUBECONFIG: '' };
    const cwd = fileURLToPath(new URL('..', import.meta.url));
    const args = ['--input-type=module', '-e', script];
    const child = spawn(process.execPath, args, { env, cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    const [code] = await once(child, 'exit');
    // 13: node ends with a top-level await that nothing can settle any more.
    expect([said, code]).toEqual(['reset', 13]);
  });
});
