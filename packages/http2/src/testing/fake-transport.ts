import { type Clock, timers } from '@podwire/core';
import {
  addressOf,
  type CloseCause,
  type Connection,
  type ConnectionListener,
  type ConnectionOptions,
  type RawHeaders,
  type Transport,
} from '../index.ts';
import type { FakeCall } from './fake-call.ts';
import { FakeConnection } from './fake-connection.ts';

/**
 * A transport without sockets: Pods are scripted by address, and their answers arrive by a clock, for example a virtual one. A
 * connection's owner and its calls are told the same, and in the same order, as with the real transports.
 */
export class FakeTransport implements Transport {
  readonly name = 'fake';
  /** By address, every Pod that a test named or that was connected to. */
  readonly pods = new Map<string, FakePod>();
  readonly #clock: Clock;

  /** Everything that crosses the network takes its time on this clock; callbacks in answer to the owner come with `env.nextTick`. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The Pod at `host:port`, or `unix:path`, made on first use. It takes connections, and answers nothing. */
  pod(address: string): FakePod {
    let pod = this.pods.get(address);
    if (pod === undefined) {
      pod = new FakePod(address);
      this.pods.set(address, pod);
    }
    return pod;
  }

  /** Begins to connect to the Pod of that address. */
  connect(options: ConnectionOptions, listener: ConnectionListener): Connection {
    const { env } = options;
    const nextTick = env?.nextTick === undefined ? timers.nextTick : (fn: () => void) => env.nextTick?.(fn);
    return new FakeConnection(this.pod(addressOf(options)), options, listener, this.#clock, nextTick);
  }
}

/** What a Pod does with a new connection: accepts it, stays silent, or fails it with a cause. */
type Admission = 'accept' | 'hang' | CloseCause;

/** One scripted Pod. It does at once what a test tells it to do, and the client sees that `latencyMs` later. */
export class FakePod {
  /** Its key in {@link FakeTransport.pods}. */
  readonly address: string;
  /** The time that bytes take one way. */
  latencyMs = 0;
  /** Called with each call when its headers arrive. Default: the call is never answered. */
  onCall: (call: FakeCall) => void = () => {};
  /** Calls that arrived, including those that are over. */
  readonly calls: FakeCall[] = [];
  /** Connections that were begun and are not over. */
  readonly connections = new Set<FakeConnection>();
  /** How many connections were ever begun. */
  attempts = 0;
  /** Whether it answers the PINGs of its clients' owners. */
  answersPings = true;
  /** What happens to new connections. */
  admission: Admission = 'accept';
  /** MAX_CONCURRENT_STREAMS of new connections. */
  maxConcurrentStreams = Number.POSITIVE_INFINITY;

  constructor(address: string) {
    this.address = address;
  }

  /** Takes new connections again. */
  accept(): void {
    this.admission = 'accept';
  }

  /** Refuses new connections. Default: as if nothing listened there. */
  refuse(
    cause: CloseCause = {
      kind: 'refused',
      code: 'ECONNREFUSED',
      detail: `connect ECONNREFUSED ${this.address}`,
    },
  ): void {
    this.admission = cause;
  }

  /** Leaves new connections without a word, so that their time limit ends them. */
  hang(): void {
    this.admission = 'hang';
  }

  /** Limits the streams that each connection may have at the same time, open ones included. */
  limit(streams: number): void {
    this.maxConcurrentStreams = streams;
    for (const connection of this.connections) connection.limit(streams);
  }

  /** Answers each call that is half-closed with these messages, and status 0. */
  answer(...messages: readonly Uint8Array[]): void {
    this.onCall = (call) => {
      call.onHalfClose = () => {
        for (const message of messages) call.reply(message);
        call.end(0);
      };
    };
  }

  /** Ends each call with this status when its headers arrive, with trailers only. */
  fail(grpcStatus: number, message?: string, trailers?: RawHeaders): void {
    this.onCall = (call) => call.end(grpcStatus, message, trailers);
  }

  /**
   * Sends GOAWAY on its connections: they take no more calls, and close when their calls have ended. `taken` is how many calls of each
   * connection the Pod has looked at; the others end without having been processed. Default: those that have arrived.
   */
  goAway(errorCode = 0, debug = '', taken?: number): void {
    for (const connection of this.connections) connection.goAway({ kind: 'goaway', errorCode, debug }, taken);
  }

  /** Ends its connections with all their calls. Default: without an error. New connections are handled as before. */
  close(cause: CloseCause = { kind: 'eof', before: undefined }): void {
    for (const connection of this.connections) connection.close(cause);
  }
}
