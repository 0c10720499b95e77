import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { Clock } from '@podwire/core';
import type { Access, Login } from '../access/access.ts';
import {
  type Asked,
  connectionError,
  credentialsError,
  KubernetesError,
  statusError,
  unreachable,
} from './error.ts';
import { RequestLimit } from './request-limit.ts';

/** The largest body. A page of 100 slices with 1000 endpoints each has about 40 MB. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
/** TCP repeats lost SYNs at ever longer intervals, so a new attempt connects sooner. */
const CONNECT_TIMEOUT_MS = 3_000;
/**
 * A watch sends nothing, and would never learn that packets are dropped. The kernel probes the connection after this silence, and then,
 * as libuv sets it, once a second for 10 s.
 */
const TCP_KEEPALIVE_MS = 5_000;
/**
 * A process that watches a thousand Services must not begin with a thousand TLS handshakes at once. Lists and watches are
 * counted apart, so that watches that a proxy holds back do not block lists.
 */
const MAX_ASKING = 16;
/** Keep an idle connection longer than a lost watch takes to come back, but not for ever: we are not told when a watcher is gone for good. */
const IDLE_MS = 15_000;

/** A GET request. */
export interface Question {
  readonly verb: Asked['verb'];
  readonly resource: string;
  readonly namespace: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

/** A 200, with its body still to be read. */
export interface Answer {
  readonly asked: Asked;
  readonly body: IncomingMessage;
}

/**
 * GET requests to one API server over node:https, each with the credentials of the moment. `@kubernetes/client-node` is
 * not used: its watch stops for good on most errors and asks for no bookmarks, and it brings 68 packages along.
 */
export class ApiClient {
  readonly #access: Access;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #lists = new RequestLimit(MAX_ASKING);
  readonly #watches = new RequestLimit(MAX_ASKING);
  readonly #agents: Readonly<Record<'https:' | 'http:', http.Agent>>;

  /** `timeoutMs` bounds the wait for the start of an answer, and then the transfer of a list. */
  constructor(access: Access, clock: Clock, timeoutMs: number, idleMs = IDLE_MS) {
    this.#access = access;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    // An agent's `timeout` closes idle connections; it does not end a request that is silent.
    const options = { keepAlive: true, keepAliveMsecs: TCP_KEEPALIVE_MS, maxFreeSockets: 2, timeout: idleMs };
    this.#agents = { 'https:': new https.Agent(options), 'http:': new http.Agent(options) };
  }

  /** The namespace of targets that name none. */
  async namespace(): Promise<string> {
    return (await this.#login()).namespace;
  }

  /** Credentials may be unreadable for a moment while they rotate; objects that were listed before stay valid. */
  async #login(): Promise<Login> {
    try {
      return await this.#access.login();
    } catch (error) {
      throw new KubernetesError((error as Error).message);
    }
  }

  /** The whole body, parsed. Throws {@link KubernetesError}. */
  async getJson(question: Question, signal: AbortSignal): Promise<unknown> {
    const { asked, text } = await this.#lists.run(signal, async () => {
      const { asked, body } = await this.#get(question, signal);
      return { asked, text: await this.#readAll(body, asked, MAX_BODY_BYTES) };
    });
    try {
      return JSON.parse(text);
    } catch {
      throw new KubernetesError(`${asked.server} answered with ${text.length} characters that are no JSON`);
    }
  }

  /** An answer without an end, such as a watch's; calls `onSent` when the request leaves the queue. Throws {@link KubernetesError}. */
  async get(question: Question, signal: AbortSignal, onSent: () => void): Promise<Answer> {
    return this.#watches.run(signal, () => {
      onSent();
      return this.#get(question, signal);
    });
  }

  /** Throws {@link KubernetesError} for any answer but 200. Credentials that are refused are fetched anew once. */
  async #get(question: Question, signal: AbortSignal): Promise<Answer> {
    for (let again = true; ; again = false) {
      const login = await this.#login();
      const { verb, resource, namespace } = question;
      const secret = login.authorization?.replace(/^\w+ /, '');
      const asked = { verb, resource, namespace, server: login.server.origin, source: login.source, secret };
      const body = await this.#send(login, question, signal).catch((error) => {
        throw credentialsError(login.source, error) ?? connectionError(asked.server, error);
      });
      if (body.statusCode === 200) return { asked, body };
      const status = body.statusCode ?? 0;
      const said = await this.#readAll(body, asked, MAX_ERROR_BYTES).catch(() => '');
      if (status === 401 && again && this.#access.refused(login)) continue;
      throw statusError(asked, status, parseOr(said), body.headers['retry-after']);
    }
  }

  /** Closes the connections that nothing uses. */
  release(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  /** Closes idle connections after one that reached no server: they may be dead too, and each would cost a time-out. */
  forgetIdle(error: KubernetesError): void {
    this.#lists.fail(error);
    this.#watches.fail(error);
    for (const { freeSockets } of Object.values(this.#agents)) {
      for (const sockets of Object.values(freeSockets)) for (const socket of sockets ?? []) socket.destroy();
    }
  }

  #send(login: Login, { path, query }: Question, signal: AbortSignal): Promise<IncomingMessage> {
    const { server, ca, cert, key, servername, insecure, authorization } = login;
    const protocol = server.protocol === 'http:' ? 'http:' : 'https:';
    const name = servername ?? server.hostname;
    const options: https.RequestOptions = {
      agent: this.#agents[protocol],
      signal,
      headers: {
        accept: 'application/json',
        'user-agent': 'podwire',
        ...(authorization !== undefined && { authorization }),
      },
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && key !== undefined && { cert, key }),
      // RFC 6066 §3: no dot at its end; servers in Go refuse a handshake with it.
      ...(name.endsWith('.') || servername !== undefined ? { servername: name.replace(/\.$/, '') } : {}),
      ...(insecure === true && { rejectUnauthorized: false }),
    };
    const url = new URL(`${server.pathname.replace(/\/$/, '')}${path}?${query}`, server);
    return new Promise((resolve, reject) => {
      const request = (protocol === 'http:' ? http : https).get(url, options);
      const timer = this.#clock.after(this.#timeoutMs, () => {
        request.destroy(
          unreachable(`no answer from the API server ${server.origin} in ${this.#timeoutMs} ms`),
        );
      });
      request.on('socket', (socket) => this.#onSocket(request, socket, server.origin));
      request.on('response', (response) => {
        timer.cancel();
        resolve(response);
      });
      request.on('error', (error) => {
        timer.cancel();
        reject(error);
      });
      // Closed without a response event: Node reports none for an answer that switches protocols, for example.
      request.on('close', () => {
        timer.cancel();
        reject(unreachable(`no answer from the API server ${server.origin}: the connection was closed`));
      });
    });
  }

  #onSocket(request: http.ClientRequest, socket: Socket, origin: string): void {
    // A watch alone must not keep the process alive.
    socket.unref();
    if (!socket.connecting) return;
    const timer = this.#clock.after(CONNECT_TIMEOUT_MS, () => {
      request.destroy(unreachable(`no connection to the API server ${origin} in ${CONNECT_TIMEOUT_MS} ms`));
    });
    socket.once('connect', () => timer.cancel());
    request.once('close', () => timer.cancel());
  }

  async #readAll(body: IncomingMessage, asked: Asked, maxBytes: number): Promise<string> {
    const timer = this.#clock.after(this.#timeoutMs, () => {
      body.destroy(
        new KubernetesError(`the answer of ${asked.server} was not complete in ${this.#timeoutMs} ms`),
      );
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > maxBytes)
          throw new KubernetesError(`the answer of ${asked.server} is over ${maxBytes} bytes`);
        chunks.push(chunk);
      }
      return Buffer.concat(chunks).toString('utf8');
    } catch (error) {
      throw connectionError(asked.server, error);
    } finally {
      timer.cancel();
      body.destroy();
    }
  }
}

function parseOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
