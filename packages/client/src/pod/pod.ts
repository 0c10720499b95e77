import { LoadMeter, type LoadTotal, type Pod } from '@podwire/balancer';
import type { Timer } from '@podwire/core';
import {
  type CloseCause,
  type Connection,
  type ConnectionListener,
  closeText,
  type RawHeaders,
  type Stream,
  type StreamHandler,
  type StreamHead,
} from '@podwire/http2';
import type { Endpoint } from '@podwire/registry';
import { endpointHeaders, NO_HEADERS } from '../headers/endpoint-headers.ts';
import { Backoff } from './backoff.ts';
import { type DialedPod, Dialer, type Settled } from './dialer.ts';
import type { PodShared } from './shared.ts';
import type { PodState } from './state.ts';

interface Link {
  readonly connection: Connection;
  readyMs: number;
}

/**
 * A connection counts as stable once it has lived this long or carried a reply. We reconnect at once after a stable connection and
 * after a single short-lived one (a server that is shutting down looks like that); after two short-lived ones in a row we back off.
 */
const STABLE_MS = 1_000;

/** One Pod with its connections. Made once per endpoint id; outlives pickers and registry updates. */
export class ClientPod implements Pod, DialedPod {
  readonly id: string;
  readonly load: LoadMeter;
  endpoint: Endpoint;
  available = false;
  /** What the registry says, times what monitors make of it. */
  weight: number;
  /** Bits of `Block`. */
  blocked = 0;
  /** The same whatever its weight is: what a call needs that names the Pod. */
  hasRoom = false;
  /** The set that named the Pod last, as its side counts them. */
  generation = 0;
  /** Whether it was ready when its side built its picker last. */
  picked = false;
  state: PodState = 'idle';
  /** Whether the last attempt to connect failed; holds until one succeeds. */
  failing = false;
  lastError: string | undefined;
  /** It was ready and is not any more, though it did not leave the set. */
  lost = false;
  /** Set by every reply: this connection works. */
  sawReply = false;
  /** The connection before ended without having been a good one. */
  #lastWasShort = false;
  /** What each monitor makes of the weight; undefined while none does. */
  #factors: Map<object, number> | undefined;
  readonly #shared: PodShared;
  readonly #backoff: Backoff;
  /** In order of age; calls go to the oldest with room. */
  #links: Link[] = [];
  readonly #retiring = new Set<Connection>();
  readonly #dialer: Dialer;
  #timer: Timer | undefined;
  /** No attempt is made before. */
  #retryAtMs = Number.NEGATIVE_INFINITY;
  /** Attempts of an earlier one were given up. */
  #epoch = 0;
  #headers: RawHeaders = NO_HEADERS;
  /** What `#headers` were read from. */
  #headersOf: Endpoint['attributes'] | undefined;

  constructor(endpoint: Endpoint, shared: PodShared, total: LoadTotal) {
    this.load = new LoadMeter(total);
    this.id = endpoint.id;
    this.endpoint = endpoint;
    this.weight = endpoint.weight;
    this.#shared = shared;
    this.#backoff = new Backoff(shared.backoff, shared.env.random);
    this.#dialer = new Dialer(shared.env.clock, shared.gate, this);
  }

  /** What every call on this Pod carries; the same array until the registry says otherwise. */
  get headers(): RawHeaders {
    const { attributes } = this.endpoint;
    if (this.#headersOf !== attributes) {
      this.#headersOf = attributes;
      this.#headers = endpointHeaders(attributes);
    }
    return this.#headers;
  }

  /** Connections open now, those that drain included. */
  get connections(): number {
    return this.#links.length + this.#retiring.size;
  }

  /** The peer's stream limit over all connections that take calls. */
  get maxConcurrentStreams(): number {
    return this.#links.reduce((sum, { connection }) => sum + connection.maxConcurrentStreams, 0);
  }

  get wantsConnection(): boolean {
    return this.state === 'connecting' || this.state === 'ready';
  }

  /** Makes a connection unless there is one, or one is under way. */
  connect(): void {
    if (this.state !== 'idle' && this.state !== 'draining') return;
    this.#timer?.cancel();
    const leftMs = this.#retryAtMs - this.#shared.env.clock.nowMs();
    if (leftMs > 0) return this.#retryIn(leftMs);
    this.failing = false;
    this.#setState('connecting');
    this.#dialer.dial();
  }

  /** Is not wanted until it is asked to connect again: calls that it has finish, and what it waits for is given up. */
  rest(): void {
    if (this.state !== 'connecting' && this.state !== 'ready' && this.state !== 'backoff') return;
    this.#timer?.cancel();
    this.#epoch += 1;
    this.lost = false;
    const links = this.#links;
    this.#links = [];
    this.#setState('idle');
    this.#dialer.stop();
    for (const { connection } of links) this.#retire(connection);
  }

  /** No Pod takes calls any more: a wait that began before ends soon. */
  hasten(): void {
    if (this.state !== 'backoff') return;
    const delayMs = this.#backoff.whenDown();
    if (this.#shared.env.clock.nowMs() + delayMs < this.#retryAtMs) this.#retryIn(delayMs);
  }

  /** Takes a newer description. */
  update(endpoint: Endpoint): void {
    this.endpoint = endpoint;
    this.#weigh();
    this.#refresh();
  }

  /** Takes the Pod out of the policy's choice, for a reason of `Block`. Calls that it has, and calls that name it, go on. */
  block(why: number): void {
    this.blocked |= why;
    this.#refresh();
  }

  /** Takes that reason back; the Pod is let in when there is no other. */
  unblock(why: number): void {
    this.blocked &= ~why;
    this.#refresh();
  }

  /** Multiplies the weight by a factor of 0 or more, one for each monitor; 1 takes it back. */
  weigh(monitor: object, factor: number): void {
    this.#factors ??= new Map();
    if (factor === 1) this.#factors.delete(monitor);
    else this.#factors.set(monitor, factor);
    const before = this.weight;
    this.#weigh();
    if (this.weight === before) return;
    this.#refresh();
    this.#shared.onWeight(this);
  }

  #weigh(): void {
    this.weight = this.endpoint.weight;
    if (this.#factors !== undefined) for (const factor of this.#factors.values()) this.weight *= factor;
  }

  /** Opens a stream on the oldest connection with room. */
  open(head: StreamHead, handler: StreamHandler): Stream | undefined {
    for (const { connection } of this.#links) {
      const stream = connection.hasRoom ? connection.open(head, handler) : undefined;
      if (stream === undefined) continue;
      if (!connection.hasRoom) this.#onRoom();
      return stream;
    }
    this.#onRoom();
    return undefined;
  }

  /** Takes no more calls; closes when those it has ended, or after `graceMs`. */
  drain(graceMs: number): void {
    if (this.state === 'closed' || this.state === 'draining') return;
    this.#timer?.cancel();
    const links = this.#links;
    this.#links = [];
    for (const { connection } of links) this.#retire(connection);
    this.#setState('draining');
    this.#timer = this.#shared.env.clock.after(graceMs, () => this.close('the Pod left the service'));
    this.#closeIfDrained();
  }

  /** Ends every call and closes now. */
  close(reason: string): void {
    if (this.state === 'closed') return;
    this.#timer?.cancel();
    this.#setState('closed');
    const open = [...this.#links.map(({ connection }) => connection), ...this.#retiring];
    this.#links = [];
    this.#dialer.stop();
    for (const connection of open) connection.destroy(reason);
  }

  #retire(connection: Connection): void {
    this.#retiring.add(connection);
    connection.drain();
  }

  #closeIfDrained(): void {
    if (this.state === 'draining' && this.connections === 0) this.close('drained');
  }

  begin(settled: Settled): Connection | undefined {
    const epoch = this.#epoch;
    let link: Link | undefined;
    let connecting = true;
    let keepaliveTimeMs = 0;
    const listener: ConnectionListener = {
      onReady: () => {
        connecting = false;
        settled('ready');
        if (epoch !== this.#epoch) return connection.destroy('the Pod is not used');
        link = { connection, readyMs: this.#shared.env.clock.nowMs() };
        this.#onReady(link);
      },
      onDraining: (cause) => link && this.#onDraining(link, closeText(cause)),
      onTooManyPings: () => this.#shared.pings.onTooMany(this.id, keepaliveTimeMs),
      onRoom: () => this.#onRoom(),
      onClosed: (cause) => {
        if (connecting) settled('failed');
        if (link === undefined && epoch !== this.#epoch) return;
        this.#onClosed(connection, link, cause);
      },
    };
    let connection: Connection;
    try {
      const options = this.#shared.connectionOptions(this.endpoint);
      keepaliveTimeMs = options.keepaliveTimeMs;
      connection = this.#shared.transport.connect(options, listener);
    } catch (error) {
      // Certificates that OpenSSL does not take after all.
      this.#onFailed((error as Error).message);
      return undefined;
    }
    return connection;
  }

  #onReady(link: Link): void {
    if (this.state === 'closed') return link.connection.destroy('the Pod was closed');
    if (this.state === 'draining') return this.#retire(link.connection);
    this.#links.push(link);
    this.failing = false;
    this.lost = false;
    this.sawReply = false;
    this.#setState('ready');
  }

  #onDraining(link: Link, reason: string): void {
    if (!this.#links.includes(link)) return;
    this.#links = this.#links.filter((other) => other !== link);
    this.#retiring.add(link.connection);
    this.#replace(link, reason);
  }

  #onClosed(connection: Connection, link: Link | undefined, cause: CloseCause | undefined): void {
    const reason = cause === undefined ? 'closed by the Pod' : closeText(cause);
    if (this.#retiring.delete(connection)) return this.#closeIfDrained();
    if (this.state === 'closed') return;
    if (link !== undefined) {
      this.#links = this.#links.filter((other) => other !== link);
      this.#replace(link, reason);
    } else this.#onFailed(reason);
  }

  /** A connection did not come to be. */
  #onFailed(reason: string): void {
    this.lastError = reason;
    this.#closeIfDrained();
    if (this.#links.length > 0) return;
    this.failing = true;
    this.#wait();
  }

  /**
   * A connection went: makes another, at once when it had been a good one. A connection that was ready is not a failure to connect: calls wait for
   * the next, however short it lasted.
   */
  #replace(link: Link, reason: string): void {
    this.lastError = reason;
    if (this.state !== 'ready') return this.#closeIfDrained();
    const good = this.sawReply || this.#shared.env.clock.nowMs() - link.readyMs >= STABLE_MS;
    const wait = !good && this.#lastWasShort;
    this.#lastWasShort = !good;
    if (good) this.#backoff.reset();
    if (this.#links.length > 0) return this.#refresh();
    this.lost = true;
    if (wait) return this.#wait();
    this.#setState('connecting');
    this.#dialer.dial();
  }

  #wait(): void {
    if (this.state === 'draining' || this.state === 'closed') return;
    this.#retryIn(this.#backoff.next(this.#shared.isDown()));
  }

  #retryIn(delayMs: number): void {
    const { clock } = this.#shared.env;
    this.#timer?.cancel();
    this.#retryAtMs = clock.nowMs() + delayMs;
    this.#timer = clock.after(delayMs, () => this.#retry());
    this.#setState('backoff');
  }

  #retry(): void {
    this.#timer = undefined;
    if (this.state !== 'backoff') return;
    this.#setState('connecting');
    this.#dialer.dial();
  }

  #setState(state: PodState): void {
    if (this.state === state) return this.#refresh();
    this.state = state;
    this.#look();
    this.#shared.onState(this);
  }

  /** Whether anything changed. */
  #look(): boolean {
    const { hasRoom, available } = this;
    this.hasRoom = this.#canTake();
    // Also where the picker does not know of the weight yet.
    this.available = this.hasRoom && this.weight > 0 && this.blocked === 0;
    return this.hasRoom !== hasRoom || this.available !== available;
  }

  #canTake(): boolean {
    return (
      this.state === 'ready' &&
      this.endpoint.phase === 'serving' &&
      this.#links.some(({ connection }) => connection.hasRoom)
    );
  }

  #onRoom(): void {
    this.#refresh();
    const wanted = this.state === 'ready' && !this.hasRoom && this.endpoint.phase === 'serving';
    if (wanted && this.#links.length < this.#shared.maxConnectionsPerPod) this.#dialer.dial();
  }

  #refresh(): void {
    if (this.#look()) this.#shared.onRoom(this);
  }
}
