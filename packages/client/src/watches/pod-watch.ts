import type { CallCredentials } from '@grpc/grpc-js';
import { exponentialMs, jitteredMs, type Timer } from '@podwire/core';
import {
  ErrorCode,
  type MethodHead,
  type RawHeaders,
  type Stream,
  type StreamEnd,
  type StreamHandler,
} from '@podwire/http2';
import type { Env } from '../env.ts';
import { authenticate } from '../headers/authenticate.ts';
import { NO_REQUEST_HEADERS, requestHeaders } from '../headers/request-headers.ts';
import type { ClientPod } from '../pod/pod.ts';
import { codeOf, UNIMPLEMENTED } from './answer.ts';

/** The one request of a watch, which a server answers again and again. */
export interface WatchRequest {
  readonly method: MethodHead;
  readonly message: Uint8Array;
  /** The channel's, which are sent with a watch as with calls (gRFC A17). */
  readonly credentials: CallCredentials | undefined;
}

/** Told of what a watch hears. */
export interface WatchListener {
  /** Throws for bytes that are no message. */
  onMessage(message: Buffer): void;
  /** The stream ended, and a new one follows: at once, after a wait, or with the Pod's next connection. */
  onBroken(): void;
  /** The Pod will not be asked again on this connection: its server has no such method, or takes one stream at a time. */
  onUnsupported(why: 'unimplemented' | 'no place'): void;
}

// grpc-go's `backoff.DefaultConfig`, which its watches of health and load use (health/client.go, orca/producer.go).
const BACKOFF = { initialMs: 1_000, maxMs: 120_000, multiplier: 1.6 };
const LEAST = 0.8;
const MOST = 1.2;
/** A server that answers and ends each watch is asked no more often than this, although an answer resets the backoff (gRFC A17). */
const LEAST_GAP_MS = 1_000;
/** An answer is a few bytes of health, or a report with as many metrics as a server cares to name. */
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * Asks one Pod to tell of its changes, on a stream that is no call, for as long as the Pod has a connection. When the stream ends, it asks
 * again: at once after an answer, else with backoff (gRFC A17, A51).
 */
export class PodWatch {
  readonly #pod: ClientPod;
  readonly #request: WatchRequest;
  readonly #env: Env;
  readonly #listener: WatchListener;
  #stream: Stream | undefined;
  #timer: Timer | undefined;
  /** Attempts since the last answer. */
  #tries = 0;
  #openedMs = 0;
  /** Grows with each stream, so that what earlier ones say is ignored. */
  #epoch = 0;

  constructor(pod: ClientPod, request: WatchRequest, env: Env, listener: WatchListener) {
    this.#pod = pod;
    this.#request = request;
    this.#env = env;
    this.#listener = listener;
  }

  /** The Pod is ready, perhaps on a new connection. */
  begin(): void {
    this.stop();
    this.#tries = 0;
    this.#open();
  }

  /** Ends the watch; the listener is not told. */
  stop(): void {
    this.#timer?.cancel();
    this.#epoch += 1;
    this.#stream?.cancel(ErrorCode.CANCEL);
    this.#stream = undefined;
  }

  #open(): void {
    const { headers } = this.#pod;
    const { method, credentials } = this.#request;
    this.#epoch += 1;
    this.#tries += 1;
    this.#openedMs = this.#env.clock.nowMs();
    if (credentials === undefined) return this.#send(headers);
    const epoch = this.#epoch;
    authenticate(credentials, method.authority, method.path).then(
      (added) => {
        if (epoch === this.#epoch)
          this.#send([...headers, ...requestHeaders(added, false, NO_REQUEST_HEADERS).headers]);
      },
      () => {
        if (epoch === this.#epoch) this.#onFailed();
      },
    );
  }

  #send(headers: RawHeaders): void {
    const { connections } = this.#pod;
    const { method, message } = this.#request;
    const head = { method, headers, maxReceiveBytes: MAX_ANSWER_BYTES };
    const stream = connections.openBackground(head, this.#handler(this.#epoch));
    this.#stream = stream;
    if (stream !== undefined) {
      stream.request(1);
      stream.sendMessage(message, false, true, undefined);
    } else if (connections.hasRoom) this.#listener.onUnsupported('no place');
    else this.#retry();
  }

  #handler(epoch: number): StreamHandler {
    return {
      onHeaders() {},
      onMessage: (message) => {
        if (epoch === this.#epoch) this.#onMessage(message);
      },
      onEnd: (end) => {
        if (epoch === this.#epoch) this.#onEnd(end);
      },
    };
  }

  #onMessage(message: Buffer): void {
    this.#stream?.request(1);
    try {
      this.#listener.onMessage(message);
      this.#tries = 0;
    } catch {
      this.#listener.onBroken();
      this.#stream?.cancel(ErrorCode.CANCEL);
    }
  }

  #onEnd(end: StreamEnd): void {
    this.#stream = undefined;
    if (codeOf(end) === UNIMPLEMENTED) return this.#listener.onUnsupported('unimplemented');
    // After GOAWAY the process is the same: its word holds until another connection brings the next.
    if (end.kind === 'cancelled') this.#retry();
    else this.#onFailed();
  }

  #onFailed(): void {
    this.#listener.onBroken();
    this.#retry();
  }

  /** Asks again. Where the Pod has no connection, `begin` does so with the next one. */
  #retry(): void {
    if (this.#pod.state !== 'ready') return;
    this.#timer?.cancel();
    this.#timer = this.#env.clock.after(this.#delayMs(), () => {
      if (this.#pod.state === 'ready') this.#open();
    });
  }

  #delayMs(): number {
    const { clock, random } = this.#env;
    if (this.#tries === 0) return Math.max(0, this.#openedMs + LEAST_GAP_MS - clock.nowMs());
    return jitteredMs(exponentialMs(BACKOFF, this.#tries), LEAST, MOST, random);
  }
}
