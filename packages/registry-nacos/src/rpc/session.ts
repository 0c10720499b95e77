import { type Clock, messageOf, type Timer } from '@podwire/core';
import { type ConnectionOptions, closeText, GrpcPeer, type PeerStream, type Transport } from '@podwire/http2';
import { NacosError, UNREGISTERED } from '../error.ts';
import { decodePayload, encodePayload, type Payload } from './payload.ts';

const UNARY = '/Request/request';
const STREAM = '/BiRequestStream/requestBiStream';
/** Larger than any list that a server with the default limits can hold for one service: about 100 000 instances. */
const MAX_RECEIVE_BYTES = 64 * 1024 * 1024;
/** How many pushes may be in flight at a time. */
const PUSH_WINDOW = 64;

/** Nacos forgets a connection that is silent for 20 s; its own Java client asks every 5 s. */
const HEALTH_CHECK_MS = 5_000;
/** How long a server may take to acknowledge the set-up; those before 2.3 never do, and are used after this. */
const SETUP_WAIT_MS = 1_000;

/** A server that leaves this many requests in a row unanswered is not well, whatever its health checks say. */
const MAX_UNANSWERED = 3;

export interface SessionEnv {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly namespace: string;
  /** Headers of every request: the token. `renew` asks for one that Nacos has not refused yet. */
  headers(renew: boolean): Promise<Readonly<Record<string, string>>>;
}

/** `isOver`: the server takes no more requests on the connection. Otherwise it answers health checks alone. */
type FailingHandler = (isOver: boolean) => void;
export type PushHandler = (payload: Payload) => void;

/**
 * One connection that is set up: to Nacos, one client. What was registered and subscribed on it leaves with it, so a
 * session that ended is never revived; there is a new one.
 */
export class Session {
  readonly server: string;
  readonly #env: SessionEnv;
  readonly #peer: GrpcPeer;
  readonly #handlers = new Map<string, Set<PushHandler>>();
  readonly #onEnd = new Set<(error: NacosError) => void>();
  #pushes: PeerStream | undefined;
  #acknowledged: (() => void) | undefined;
  #timer: Timer | undefined;
  #error: NacosError | undefined;
  #onFailing: FailingHandler | undefined;
  /** Requests in a row without an answer, not counting health checks. */
  #unanswered = 0;

  constructor(env: SessionEnv, options: ConnectionOptions) {
    this.#env = env;
    this.#peer = new GrpcPeer(env.transport, options, {
      clock: env.clock,
      maxReceiveBytes: MAX_RECEIVE_BYTES,
      notGrpcHint: "is it Nacos's gRPC port?",
      onDraining: (cause) =>
        this.#onFailing === undefined ? this.close(closeText(cause)) : this.#onFailing(true),
      onClosed: (cause) => this.#end(closeText(cause)),
    });
    this.server = this.#peer.address;
  }

  /** Why it ended; undefined while it lives. */
  get error(): NacosError | undefined {
    return this.#error;
  }

  /** Connects, asks the server whether it takes clients, and sets the connection up. Rejects with {@link NacosError}. */
  async open(): Promise<void> {
    try {
      await this.#peer.ready().catch(asNacosError);
      await this.#ask('ServerCheckRequest');
      await this.#setUp();
      this.#planHealthCheck();
    } catch (error) {
      this.close('the set-up failed');
      throw error;
    }
  }

  /** Sends one request; a token that was refused is renewed once. Rejects with {@link NacosError}. */
  async request(type: string, body: Readonly<Record<string, unknown>>): Promise<Payload['body']> {
    for (let renew = false; ; renew = true) {
      const message = encodePayload(type, body, await this.#env.headers(renew));
      const reply = await this.#exchange(type, message).catch((error: unknown) => {
        this.#unanswered += 1;
        if (this.#error === undefined && this.#unanswered >= MAX_UNANSWERED) this.#onFailing?.(false);
        throw error;
      });
      this.#unanswered = 0;
      if (reply.body.resultCode === 200) return reply.body;
      const error = refusal(type, this.server, reply);
      if (error.code === UNREGISTERED) this.close('Nacos does not know this connection any more');
      if (renew || error.code !== 403) throw error;
    }
  }

  /** Calls `handler` with each push of `type` until the function returned is called. */
  onPush(type: string, handler: PushHandler): () => void {
    const handlers = this.#handlers.get(type) ?? new Set();
    this.#handlers.set(type, handlers.add(handler));
    return () => handlers.delete(handler);
  }

  /** Calls `listener` once when the session ends, or now if it has ended; returns a function that removes the listener. */
  onEnd(listener: (error: NacosError) => void): () => void {
    if (this.#error !== undefined) listener(this.#error);
    else this.#onEnd.add(listener);
    return () => this.#onEnd.delete(listener);
  }

  /** Calls `handler` when another connection would be better. */
  onFailing(handler: FailingHandler): void {
    this.#onFailing = handler;
  }

  close(reason: string): void {
    this.#peer.destroy(reason);
  }

  async #setUp(): Promise<void> {
    const acknowledged = new Promise<void>((resolve) => {
      this.#acknowledged = resolve;
    });
    this.#pushes = this.#openPushes();
    const labels = { source: 'sdk', module: 'naming', AppName: 'podwire' };
    const tenant = this.#env.namespace === 'public' ? '' : this.#env.namespace;
    const body = { clientVersion: 'podwire:v1', tenant, labels, abilityTable: {} };
    this.#pushes.send(encodePayload('ConnectionSetupRequest', body));
    let timer: Timer | undefined;
    const waited = new Promise<void>((resolve) => {
      timer = this.#env.clock.after(SETUP_WAIT_MS, resolve);
    });
    await Promise.race([acknowledged, waited]);
    timer?.cancel();
    if (this.#error !== undefined) throw this.#error;
  }

  /** The stream that pushes come on; its end ends the session. */
  #openPushes(): PeerStream {
    const listener = {
      onMessage: (message: Buffer) => {
        const payload = this.#decode(message);
        if (payload !== undefined) this.#receive(payload);
      },
      onEnd: (reason: string) => this.close(`the stream of pushes ended: ${reason}`),
    };
    try {
      return this.#peer.openStream(STREAM, listener, PUSH_WINDOW);
    } catch (error) {
      return asNacosError(error);
    }
  }

  /** One request and its response; rejects with a {@link NacosError} within the time limit. */
  async #exchange(type: string, message: Uint8Array): Promise<Payload> {
    const what = `${type} to ${this.server}`;
    const answer = await this.#peer.unary(UNARY, message, this.#env.timeoutMs).catch((error: unknown) => {
      throw new NacosError(`${what}: ${messageOf(error)}`);
    });
    const payload = this.#decode(answer);
    if (payload === undefined) throw new NacosError(`${what}: the answer cannot be read`);
    return payload;
  }

  /** Undefined for bytes that Nacos would not send; they end the session. */
  #decode(message: Buffer): Payload | undefined {
    try {
      return decodePayload(message);
    } catch (error) {
      this.close(messageOf(error));
      return undefined;
    }
  }

  #receive({ type, body }: Payload): void {
    if (type === 'SetupAckRequest') return this.#acknowledged?.();
    // Answer first: a server without an answer sends the push again, and then drops the client.
    const answer = { resultCode: 200, errorCode: 0, success: true, requestId: body.requestId };
    this.#pushes?.send(encodePayload(type.replace(/Request$/, 'Response'), answer));
    for (const handler of this.#handlers.get(type) ?? []) handler({ type, body });
  }

  #planHealthCheck(): void {
    this.#timer = this.#env.clock.after(HEALTH_CHECK_MS, () => {
      this.#ask('HealthCheckRequest').then(
        () => this.#error ?? this.#planHealthCheck(),
        (error: Error) => this.close(error.message),
      );
    });
  }

  /** Sends a request without a token, so that a failed login does not end a healthy connection. */
  async #ask(type: string): Promise<void> {
    const reply = await this.#exchange(type, encodePayload(type, {}));
    if (reply.type !== type.replace(/Request$/, 'Response') || reply.body.resultCode !== 200)
      throw refusal(type, this.server, reply);
  }

  #end(reason: string): void {
    if (this.#error !== undefined) return;
    this.#error = new NacosError(`the connection to Nacos at ${this.server} ended: ${reason}`);
    this.#timer?.cancel();
    for (const listener of this.#onEnd) listener(this.#error);
    this.#onEnd.clear();
    this.#handlers.clear();
  }
}

function refusal(type: string, server: string, { type: answered, body }: Payload): NacosError {
  const code = typeof body.errorCode === 'number' ? body.errorCode : 0;
  const message =
    typeof body.message === 'string' ? body.message.slice(0, 200) : `answered ${answered.slice(0, 60)}`;
  const advice =
    code === 403 ? '; give nacos() a username and password that may use this namespace and group' : '';
  return new NacosError(`Nacos at ${server} refused ${type}: ${message} (code ${code})${advice}`, code);
}

function asNacosError(error: unknown): never {
  throw new NacosError(messageOf(error));
}
