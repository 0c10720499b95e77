import { createSocket } from 'node:dgram';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Seen {
  readonly method: string;
  readonly path: string;
  /** As it was sent: what a log of the server would hold. */
  readonly url: string;
  readonly query: URLSearchParams;
  readonly token: string | undefined;
}

type Answer = readonly [status: number, body: string];

/** A Nacos server over HTTP v1, with a store as small as the tests need. */
export class FakeNacosHttp {
  /** All requests but logins, in the order they came. */
  readonly requests: Seen[] = [];
  logins = 0;
  hosts: unknown = [];
  lastRefTime = 1;
  /** Registered instances by `ip:port`. */
  readonly instances = new Map<string, URLSearchParams>();
  /** Tokens that are good; undefined for a server that asks for none. */
  tokens: Set<string> | undefined;
  /** Answers instead of the usual ones. */
  override: ((request: Seen) => Answer | undefined) | undefined;
  beatMs = 5_000;
  #server: Server = createServer();
  #port = 0;

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async start(): Promise<this> {
    this.#server = createServer((request, response) => {
      const [status, body] = this.#answer(request);
      response.writeHead(status).end(body);
    });
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Ends all connections, and goes on serving. */
  drop(): void {
    this.#server.closeAllConnections();
  }

  count(method: string, path: string): number {
    return this.requests.filter((seen) => seen.method === method && seen.path.endsWith(path)).length;
  }

  /** Where the last list that was asked for is to be pushed to. */
  get udpPort(): number {
    return Number(this.requests.findLast(({ path }) => path.endsWith('/list'))?.query.get('udpPort'));
  }

  /** Sends a datagram to the subscriber, and resolves with its answer; after 200 ms with undefined. */
  async datagram(data: string | Uint8Array): Promise<string | undefined> {
    const socket = createSocket('udp4');
    try {
      return await new Promise<string | undefined>((resolve) => {
        socket.on('message', (message) => resolve(message.toString()));
        socket.send(data, this.udpPort, '127.0.0.1');
        setTimeout(() => resolve(undefined), 200);
      });
    } finally {
      socket.close();
    }
  }

  /** Pushes a list as Nacos does; `time` is when it is of. */
  push(hosts: unknown, time: number): Promise<string | undefined> {
    const data = JSON.stringify({ ...this.#info(), hosts, lastRefTime: time });
    // More digits than a JavaScript number holds.
    return this.datagram(`{"type":"dom","data":${JSON.stringify(data)},"lastRefTime":9223372036854775807}`);
  }

  #answer(request: IncomingMessage): Answer {
    const url = new URL(request.url!, 'http://nacos');
    if (url.pathname.endsWith('/login')) {
      this.logins += 1;
      const accessToken = `token-${this.logins}`;
      this.tokens?.add(accessToken);
      return [200, JSON.stringify({ accessToken, tokenTtl: 1_000 })];
    }
    const { searchParams: query, pathname: path } = url;
    const token = request.headers.authorization?.replace('Bearer ', '');
    const seen = { method: request.method!, path, url: request.url!, query, token };
    this.requests.push(seen);
    const override = this.override?.(seen);
    if (override !== undefined) return override;
    if (this.tokens !== undefined && !this.tokens.has(token ?? '')) return [403, 'unknown user!'];
    const id = `${query.get('ip')}:${query.get('port')}`;
    if (path.endsWith('/list')) return [200, JSON.stringify(this.#info())];
    if (path.endsWith('/beat')) {
      const code = this.instances.has(id) ? 10_200 : 20_404;
      return [200, JSON.stringify({ code, clientBeatInterval: this.beatMs, lightBeatEnabled: true })];
    }
    if (request.method === 'DELETE') this.instances.delete(id);
    else this.instances.set(id, query);
    return [200, 'ok'];
  }

  #info(): object {
    const { hosts, lastRefTime } = this;
    return { name: 'DEFAULT_GROUP@@orders', clusters: '', cacheMillis: 10_000, hosts, lastRefTime };
  }
}
