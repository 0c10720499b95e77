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
 * A transport without sockets: Pods are scripted by address, and what they say comes by a clock, a virtual one for example. What a
 * connection's owner and its calls are told, and when, is as on the real transports.
 */
export class FakeTransport implements Transport {
  readonly name = 'fake';
  /** Every Pod that was named, or connected to, by its address. */
  readonly pods = new Map<string, FakePod>();
  readonly #clock: Clock;

  /** Everything that crosses the network takes its time on this clock; callbacks in answer to the owner come with `env.nextTick`. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The Pod at `host:port`, or `unix:path`; made when it is named first. It takes connections, and answers nothing. */
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

/** What a Pod does with a connection that is begun: takes it, says nothing, or fails it with a cause. */
type Admission = 'accept' | 'hang' | CloseCause;

/** One scripted Pod. What it is told to do begins now, and is seen `latencyMs` later. */
export class FakePod {
  /** As in {@link FakeTransport.pods}. */
  readonly address: string;
  /** One way. */
  latencyMs = 0;
  /** Is given each call when its headers arrive; default: it is never answered. */
  onCall: (call: FakeCall) => void = () => {};
  /** Calls that arrived, those that are over included. */
  readonly calls: FakeCall[] = [];
  /** Connections that were begun and are not over. */
  readonly connections = new Set<FakeConnection>();
  /** How many connections were ever begun. */
  attempts = 0;
  /** What becomes of connections that are begun now. */
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

  /** Refuses new connections; default: nothing listens there. */
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

  /** So many streams at the same time on each connection, those that are open included. */
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

  /** Ends each call with this status when its headers arrive, by trailers only. */
  fail(grpcStatus: number, message?: string, trailers?: RawHeaders): void {
    this.onCall = (call) => call.end(grpcStatus, message, trailers);
  }

  /**
   * Sends GOAWAY on its connections: they take no more calls, and close when those that they have ended. `taken` is how many calls of each
   * connection were looked at: the default is those that have arrived; the others end without having been processed.
   */
  goAway(errorCode = 0, debug = '', taken?: number): void {
    for (const connection of this.connections) connection.goAway({ kind: 'goaway', errorCode, debug }, taken);
  }

  /** Ends its connections with all their calls; default: it closes them without a word. New ones are taken as before. */
  close(cause: CloseCause = { kind: 'eof', before: undefined }): void {
    for (const connection of this.connections) connection.close(cause);
  }
}
