import type { Clock, Timer } from '@podwire/core';
import {
  type CloseCause,
  type Connection,
  type ConnectionListener,
  type ConnectionOptions,
  type ConnectionState,
  ErrorCode,
  type Stream,
  type StreamHandler,
  type StreamHead,
} from '../index.ts';
import { FakeCall } from './fake-call.ts';
import { FakeStream } from './fake-stream.ts';
import type { FakePod } from './fake-transport.ts';

type Goaway = Extract<CloseCause, { readonly kind: 'goaway' }>;

const local = (detail: string): CloseCause => ({ kind: 'local', detail });

/** Delivers items in the order in which they were sent, each after the latency at the time of sending. */
class Line {
  readonly #sent: (() => void)[] = [];
  readonly #clock: Clock;
  readonly #pod: FakePod;

  constructor(clock: Clock, pod: FakePod) {
    this.#clock = clock;
    this.#pod = pod;
  }

  send(fn: () => void): void {
    this.#sent.push(fn);
    this.#clock.after(this.#pod.latencyMs, () => this.#sent.shift()?.());
  }
}

/** A connection to a {@link FakePod}, and what the Pod does on it. */
export class FakeConnection implements Connection {
  state: ConnectionState = 'connecting';
  maxConcurrentStreams = Number.POSITIVE_INFINITY;
  readonly remoteAddress: string;
  readonly localAddress = 'fake';
  readonly isSuspect = false;
  lastReadMs = 0;
  readonly peerCertificate = undefined;
  readonly nextTick: (fn: () => void) => void;
  readonly #pod: FakePod;
  readonly #listener: ConnectionListener;
  readonly #clock: Clock;
  /** The open streams, in order of age. */
  readonly #streams = new Set<FakeStream>();
  /** The streams that are no calls. */
  readonly #background = new Set<FakeStream>();
  readonly #toPod: Line;
  readonly #toClient: Line;
  readonly #limit: Timer;
  #over = false;
  /** After a GOAWAY with an error: why the connection ends, whatever ends it. */
  #cause: CloseCause | undefined;
  #opened = 0;
  /** How many calls the Pod looks at. */
  #taken = Number.POSITIVE_INFINITY;
  /** How many calls arrived. */
  #arrived = 0;
  #knownRoom = false;
  #tellsRoom = false;

  constructor(
    pod: FakePod,
    options: ConnectionOptions,
    listener: ConnectionListener,
    clock: Clock,
    nextTick: (fn: () => void) => void,
  ) {
    this.#pod = pod;
    this.remoteAddress = pod.address;
    this.#listener = listener;
    this.#clock = clock;
    this.nextTick = nextTick;
    this.#toPod = new Line(clock, pod);
    this.#toClient = new Line(clock, pod);
    const { connectTimeoutMs } = options;
    this.#limit = clock.after(connectTimeoutMs, () =>
      this.#end({ kind: 'timeout', step: 'tcp', afterMs: connectTimeoutMs }),
    );
    pod.attempts += 1;
    pod.connections.add(this);
    this.toPod(() => this.#admit());
  }

  get hasRoom(): boolean {
    return this.state === 'ready' && !this.#over && this.#streams.size < this.maxConcurrentStreams;
  }

  get openStreams(): number {
    return this.#streams.size - this.#background.size;
  }

  open(head: StreamHead, handler: StreamHandler): Stream | undefined {
    if (!this.hasRoom) {
      this.#knownRoom = false;
      return undefined;
    }
    this.#opened += 1;
    const call = new FakeCall(head);
    const stream = new FakeStream(this, call, this.#opened, handler, head.maxReceiveBytes);
    this.#streams.add(stream);
    call.attach(stream);
    // Together with everything that is written in this turn.
    this.#clock.after(0, () => {
      stream.left = true;
    });
    this.toPod(() => {
      this.#arrived += 1;
      if (stream.ordinal > this.#taken) return;
      this.#pod.calls.push(call);
      this.#pod.onCall(call);
    });
    this.#knownRoom = this.hasRoom;
    return stream;
  }

  openBackground(head: StreamHead, handler: StreamHandler): Stream | undefined {
    if (this.#background.size + 1 >= this.maxConcurrentStreams) return undefined;
    const stream = this.open(head, handler);
    if (stream !== undefined) this.#background.add(stream as FakeStream);
    return stream;
  }

  ping(answered: () => void): boolean {
    if (this.state !== 'ready') return false;
    this.toPod(() => this.#pod.answersPings && this.toClient(answered));
    return true;
  }

  drain(): void {
    if (this.state === 'connecting') return this.destroy('drained before it was ready');
    this.#startDraining(local('drained'), true);
    this.#closeIfDrained();
  }

  destroy(reason: string): void {
    this.#end(local(reason));
  }

  /** Runs `fn` when it arrives at the Pod, unless the connection is over by then. */
  toPod(fn: () => void): void {
    this.#toPod.send(() => this.#over || fn());
  }

  /** Runs `fn` when it arrives from the Pod. */
  toClient(fn: () => void): void {
    this.#toClient.send(() => {
      if (this.#over) return;
      this.lastReadMs = this.#clock.nowMs();
      fn();
    });
  }

  /** A stream is over. */
  onStreamEnd(stream: FakeStream): void {
    this.#streams.delete(stream);
    this.#background.delete(stream);
    if (this.#over) return;
    this.#checkRoom();
    if (this.state === 'draining') this.nextTick(() => this.#closeIfDrained());
  }

  /** The Pod sends a new MAX_CONCURRENT_STREAMS. */
  limit(streams: number): void {
    this.toClient(() => {
      this.maxConcurrentStreams = streams;
      this.#leaveToCalls(streams);
      this.#checkRoom();
    });
  }

  /** The Pod sends GOAWAY. */
  goAway(cause: Goaway, taken = this.#arrived): void {
    this.#taken = taken;
    const { errorCode, debug } = cause;
    const isError = errorCode !== 0;
    this.toClient(() => {
      if (isError) this.#cause ??= cause;
      // ENHANCE_YOUR_CALM
      if (errorCode === 11 && debug === 'too_many_pings') this.#listener.onTooManyPings?.();
      this.#startDraining(cause, false);
      for (const stream of [...this.#streams]) {
        if (stream.ordinal <= taken) continue;
        if (isError && stream.left) stream.finish({ kind: 'connection-lost', cause });
        else stream.finish({ kind: 'unprocessed', cause, leftClient: stream.left });
      }
      this.#closeIfDrained();
    });
  }

  /** The Pod ends the connection. */
  close(cause: CloseCause): void {
    this.toClient(() => this.#end(this.#cause ?? cause));
  }

  #admit(): void {
    const { admission } = this.#pod;
    if (admission === 'hang') return;
    this.toClient(() => (admission === 'accept' ? this.#onReady() : this.#end(admission)));
  }

  #onReady(): void {
    this.#limit.cancel();
    this.maxConcurrentStreams = this.#pod.maxConcurrentStreams;
    this.state = 'ready';
    this.#knownRoom = this.hasRoom;
    this.#listener.onReady();
  }

  /** `later`: the owner's own call is still running, so the owner is told on the next tick. */
  #startDraining(cause: CloseCause, later: boolean): void {
    if (this.state !== 'ready') return;
    this.state = 'draining';
    if (later) this.nextTick(() => this.#listener.onDraining(cause));
    else this.#listener.onDraining(cause);
    this.#leaveToCalls(0);
  }

  /** Cancels the newest streams that are no calls, until a place for a call is left. */
  #leaveToCalls(places: number): void {
    for (const stream of [...this.#background].slice(Math.max(0, places - 1))) {
      this.#background.delete(stream);
      stream.cancel(ErrorCode.CANCEL);
    }
  }

  #closeIfDrained(): void {
    if (this.state === 'draining' && this.#streams.size === 0) this.#end(undefined);
  }

  #checkRoom(): void {
    if (this.#tellsRoom || this.hasRoom === this.#knownRoom) return;
    this.#tellsRoom = true;
    this.nextTick(() => {
      this.#tellsRoom = false;
      if (this.hasRoom === this.#knownRoom) return;
      this.#knownRoom = this.hasRoom;
      this.#listener.onRoom();
    });
  }

  #end(cause: CloseCause | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#limit.cancel();
    this.#pod.connections.delete(this);
    this.nextTick(() => {
      const lost = cause ?? local('the connection was drained');
      this.#startDraining(lost, false);
      for (const stream of [...this.#streams]) {
        if (stream.left) stream.finish({ kind: 'connection-lost', cause: lost });
        else stream.finish({ kind: 'unprocessed', cause: lost, leftClient: false });
      }
      this.state = 'closed';
      this.#listener.onClosed(cause);
    });
  }
}
