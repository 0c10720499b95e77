import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type Certificate, currentCertificate } from './certificate.ts';
import { FakeStore, type StoredObject } from './fake-store.ts';

export interface SeenRequest {
  readonly kind: 'list' | 'watch' | 'other';
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
}

/** Answers instead of the server; true when it did. */
export type Intercept = (request: SeenRequest, response: ServerResponse) => boolean;

const RESOURCES: Readonly<Record<string, RegExp>> = {
  endpointslices: /^\/apis\/discovery\.k8s\.io\/v1\/namespaces\/([^/]+)\/endpointslices$/,
  endpoints: /^\/api\/v1\/namespaces\/([^/]+)\/endpoints$/,
};

/** The API server's list and watch, as far as a client sees them, with failures on demand. */
export class FakeApiServer {
  readonly store = new FakeStore();
  certificate: Certificate;
  /** Tokens that are let in. */
  readonly tokens = new Set(['good-token']);
  readonly requests: SeenRequest[] = [];
  intercept: Intercept | undefined;
  hasEndpointSlices = true;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<ServerResponse>();
  #port = 0;

  constructor(certificate = currentCertificate('fake-apiserver')) {
    this.certificate = certificate;
    this.#server = createServer({ ...certificate }, (request, response) => this.#handle(request, response));
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  get port(): number {
    return this.#port;
  }

  get watches(): number {
    return this.#watches.size;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  of(kind: SeenRequest['kind']): SeenRequest[] {
    return this.requests.filter((request) => request.kind === kind);
  }

  /** Starts the server; after `stop`, on the same port again. */
  async start(): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** Cuts every connection, as a process that is killed. */
  async stop(): Promise<void> {
    this.cut();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** New connections are shown this certificate. */
  replaceCertificate(certificate: Certificate): void {
    this.certificate = certificate;
    this.#server.setSecureContext({ ...certificate });
  }

  /** The server ends all watches in good order. */
  endWatches(lastLine = ''): void {
    for (const response of this.#watches) response.end(lastLine);
  }

  sendRaw(text: string): void {
    for (const response of this.#watches) response.write(text);
  }

  sendBookmark(): void {
    const metadata = { resourceVersion: String(this.store.version), creationTimestamp: null };
    this.sendRaw(
      `${JSON.stringify({ type: 'BOOKMARK', object: { metadata, endpoints: null, ports: null } })}\n`,
    );
  }

  #handle(message: IncomingMessage, response: ServerResponse): void {
    const url = new URL(message.url ?? '/', 'https://fake');
    const kind = url.searchParams.has('watch') ? 'watch' : 'list';
    const match = Object.entries(RESOURCES).find(([, path]) => path.test(url.pathname));
    const { authorization } = message.headers;
    const request: SeenRequest = {
      kind: match === undefined ? 'other' : kind,
      path: url.pathname,
      query: url.searchParams,
      authorization,
    };
    this.requests.push(request);
    if (this.intercept?.(request, response)) return;
    if (!this.tokens.has(authorization?.replace('Bearer ', '') ?? '')) {
      return status(response, 401, 'Unauthorized', 'Unauthorized');
    }
    if (match === undefined || (match[0] === 'endpointslices' && !this.hasEndpointSlices)) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
      return;
    }
    const namespace = match[1].exec(url.pathname)![1]!;
    const wanted = selector(match[0], namespace, url.searchParams);
    if (kind === 'list') this.#list(wanted, url.searchParams, response);
    else this.#watch(wanted, url.searchParams, response);
  }

  #list(wanted: (object: StoredObject) => boolean, query: URLSearchParams, response: ServerResponse): void {
    const [version = String(this.store.version), from = '0'] = query.get('continue')?.split(':') ?? [];
    if (query.has('continue') && Number(version) < this.store.compacted) {
      return status(response, 410, 'Expired', 'The provided continue parameter is too old');
    }
    const all = [...this.store.objects.values()].filter(wanted);
    const limit = Number(query.get('limit') ?? all.length);
    const items = all.slice(Number(from), Number(from) + limit);
    const next = Number(from) + limit;
    const metadata = {
      resourceVersion: version,
      ...(next < all.length && { continue: `${version}:${next}` }),
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ metadata, items }));
  }

  #watch(wanted: (object: StoredObject) => boolean, query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'));
    response.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
    response.flushHeaders();
    if (from < this.store.compacted) {
      const object = {
        kind: 'Status',
        code: 410,
        reason: 'Expired',
        message: `too old resource version: ${from}`,
      };
      response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
      return;
    }
    this.#watches.add(response);
    const send = ({ type, object, version }: (typeof this.store.events)[number]) => {
      if (version > from && wanted(object)) response.write(`${JSON.stringify({ type, object })}\n`);
    };
    for (const event of this.store.events) send(event);
    const stop = this.store.onEvent(send);
    response.on('close', () => {
      stop();
      this.#watches.delete(response);
    });
  }
}

export function status(response: ServerResponse, code: number, reason: string, message: string): void {
  const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function selector(resource: string, namespace: string, query: URLSearchParams) {
  const [, service] = (query.get('labelSelector') ?? '').split('=');
  const [, name] = (query.get('fieldSelector') ?? '').split('=');
  return ({ metadata }: StoredObject) =>
    metadata.namespace === namespace &&
    (resource === 'endpoints'
      ? metadata.name === name
      : service === undefined || metadata.labels?.['kubernetes.io/service-name'] === service);
}
