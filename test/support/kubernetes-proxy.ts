import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import type { Kubernetes } from '../servers/kubernetes.mjs';

/** Stands between a registry and the API server: counts requests, adds the administrator's token, and can be closed. */
export class KubernetesProxy {
  readonly #cluster: Kubernetes;
  #server: Server | undefined;
  port = 0;
  /** `list`, `next` (a later page), `probe` or `watch`, each with the status that was answered. */
  readonly seen: string[] = [];
  /** A resource that is not there, as on an API server older than it. */
  without: string | undefined;
  /** As nginx does by default: answers to watches are kept, headers and all, until there are so many bytes, or they end. */
  buffersBytes: number | undefined;
  /** Runs before a request is passed on. */
  before: (kind: string) => Promise<void> = async () => {};

  constructor(cluster: Kubernetes) {
    this.#cluster = cluster;
  }

  async open(): Promise<this> {
    const server = createServer(async (from, to) => {
      const kind = kindOf(from);
      await this.before(kind);
      if (this.without !== undefined && from.url?.includes(`/${this.without}`)) {
        this.seen.push(`${kind} 404`);
        to.writeHead(404).end('404 page not found');
        return;
      }
      const { url, caFile, token } = this.#cluster;
      const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
      const onward = request(url + from.url, { ca: readFileSync(caFile), agent: false, headers }, (reply) => {
        this.seen.push(`${kind} ${reply.statusCode}`);
        if (kind === 'watch' && this.buffersBytes !== undefined)
          return buffered(reply, to, this.buffersBytes);
        to.writeHead(reply.statusCode ?? 502, reply.headers);
        to.flushHeaders();
        reply.on('error', () => to.destroy());
        reply.pipe(to);
      });
      onward.on('error', () => to.destroy());
      to.on('close', () => onward.destroy());
      onward.end();
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.port = address.port;
    return this;
  }

  close(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }
}

function buffered(reply: IncomingMessage, to: ServerResponse, bytes: number): void {
  let kept: Buffer[] = [];
  const flush = () => {
    if (!to.headersSent) to.writeHead(reply.statusCode ?? 502, reply.headers);
    for (const chunk of kept) to.write(chunk);
    kept = [];
  };
  reply.on('data', (chunk: Buffer) => {
    kept.push(chunk);
    if (kept.reduce((sum, { length }) => sum + length, 0) >= bytes) flush();
  });
  reply.on('end', () => {
    flush();
    to.end();
  });
  reply.on('error', () => to.destroy());
}

function kindOf({ url = '' }: IncomingMessage): string {
  const { searchParams } = new URL(url, 'http://proxy');
  if (searchParams.has('watch')) return 'watch';
  if (searchParams.has('continue')) return 'next';
  return searchParams.get('limit') === '1' ? 'probe' : 'list';
}
