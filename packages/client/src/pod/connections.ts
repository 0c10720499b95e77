// Long because it is one state machine: what a connection's end means depends on all of its state.
import type { Timer } from '@podwire/core';
import {
  type CloseCause,
  type Connection,
  type ConnectionListener,
  type ConnectionOptions,
  closeText,
  type Stream,
  type StreamHandler,
  type StreamHead,
  type Transport,
} from '@podwire/http2';
import type { Endpoint } from '@podwire/registry';
import type { Env } from '../env.ts';
import { Backoff, type BackoffOptions } from './backoff.ts';
import type { ConnectGate } from './connect-gate.ts';
import { type DialedPod, Dialer, type Settled } from './dialer.ts';
import type { PingTime } from './ping-time.ts';

/** Where a Pod listens. */
export type PodAddress = Pick<Endpoint, 'id' | 'host' | 'port' | 'path'>;

/** The options of all connections of a pool. */
export interface PoolOptions {
  readonly env: Env;
  readonly transport: Transport;
  connectionOptions(address: PodAddress): ConnectionOptions;
  /** Bounds how many connect at the same time, and how many fail in a second. */
  readonly gate: ConnectGate;
  readonly pings: PingTime;
  readonly backoff: BackoffOptions;
  /** The most connections to one Pod. A further one is made when the peer's MAX_CONCURRENT_STREAMS is used up (gRFC A105). */
  readonly maxConnectionsPerPod: number;
}

/** `idle`: no user wants a connection. `connecting`: there is none yet, and one is being made. `backoff`: the wait after a failure. */
export type ConnectionsState = 'idle' | 'connecting' | 'ready' | 'backoff' | 'closed';

/**
 * A cluster's Pod, as far as its connections know it. They call none of its methods inside a call that it makes itself, except
 * inside `connect`.
 */
export interface ConnectionsUser {
  /** Whether its calls go over these connections, or will. */
  readonly wantsConnection: boolean;
  /** Whether one more connection is worth making when those there are have no room. */
  readonly wantsRoom: boolean;
  /** Whether no Pod of its set takes calls now. */
  isDown(): boolean;
  /** The connections changed their state. */
  onConnectionsState(): void;
  /** The connections have room again, or have none left, in the same state. */
  onConnectionsRoom(): void;
  /** `isSuspect` changed. */
  onConnectionsSuspect(): void;
  /** Whether another Pod of its set was heard since this one became suspect. When all are silent, it is not this Pod. */
  hearsOthers(): boolean;
  /** A connection that took no more calls is gone. */
  onConnectionGone(): void;
}

interface Link {
  readonly connection: Connection;
  readyMs: number;
}

/**
 * A connection counts as stable once it has lived this long or carried a reply. We reconnect at once after a stable connection and
 * after a single short-lived one (a server that is shutting down looks like that); after two short-lived ones in a row we back off.
 */
const STABLE_MS = 1_000;

/**
 * The connections to one Pod: one, or more while its stream limit is used up. All clusters of a channel that name the Pod share
 * them. They are made while one of these users wants them, and are closed when the last one has left.
 */
export class PodConnections implements DialedPod {
  state: ConnectionsState = 'idle';
  /** Whether one more stream can be opened. */
  hasRoom = false;
  /** Whether the last attempt to connect failed; holds until one succeeds. */
  failing = false;
  /** Why the last connection ended, or could not be made. */
  lastError: string | undefined;
  /** Whether the Pod was ready and is no longer, although it is wanted. */
  lost = false;
  /** Whether every connection that takes calls is suspect: it owes replies and is silent. */
  isSuspect = false;
  /** Why the connection ended on which calls were last lost: for the Pod's record, it counts once. */
  lossSeen: CloseCause | undefined;
  /** Set by every reply, which shows that the connection works. */
  sawReply = false;
  readonly address: PodAddress;
  readonly #options: PoolOptions;
  readonly #onUnused: () => void;
  readonly #backoff: Backoff;
  readonly #dialer: Dialer;
  #users: readonly ConnectionsUser[] = [];
  /** In order of age; calls go to the oldest with room. */
  #links: Link[] = [];
  readonly #retiring = new Set<Connection>();
  /** Whether the previous connection was not stable. */
  #lastWasShort = false;
  #timer: Timer | undefined;
  /** The earliest time of the next attempt. */
  #retryAtMs = Number.NEGATIVE_INFINITY;
  /** Grows when attempts are given up, so that their callbacks are ignored. */
  #epoch = 0;

  /** `onUnused` is called once, when the last user has left. */
  constructor(address: PodAddress, options: PoolOptions, onUnused: () => void) {
    this.address = address;
    this.#options = options;
    this.#onUnused = onUnused;
    this.#backoff = new Backoff(options.backoff, options.env.random);
    this.#dialer = new Dialer(options.env.clock, options.gate, this);
  }

  /** Open connections, including those that drain. */
  get count(): number {
    return this.#links.length + this.#retiring.size;
  }

  /** The peer's stream limit over all connections that take calls. */
  get maxConcurrentStreams(): number {
    return this.#links.reduce((sum, { connection }) => sum + connection.maxConcurrentStreams, 0);
  }

  get wantsConnection(): boolean {
    return this.state === 'connecting' || this.state === 'ready';
  }

  /** Whether calls of any user go over them. */
  get isWanted(): boolean {
    return this.#users.some((user) => user.wantsConnection);
  }

  add(user: ConnectionsUser): void {
    this.#users = [...this.#users, user];
  }

  /** A user left. When it was the last one, every call on the connections ends with `reason`. */
  remove(user: ConnectionsUser, reason: string): void {
    this.#users = this.#users.filter((other) => other !== user);
    if (this.#users.length > 0) return this.release();
    for (const connection of [...this.#stop('closed'), ...this.#retiring]) connection.destroy(reason);
    this.#onUnused();
  }

  /** A user wants calls to go over them: makes a connection unless there is one, or one is under way. */
  connect(): void {
    if (this.state !== 'idle') return;
    const leftMs = this.#retryAtMs - this.#options.env.clock.nowMs();
    if (leftMs > 0) return this.#retryIn(leftMs);
    this.failing = false;
    this.#setState('connecting');
    this.#dialer.dial();
  }

  /** A user no longer wants them. If no other user does, their calls finish, and attempts and waits are given up. */
  release(): void {
    if (this.state !== 'idle' && this.state !== 'closed' && !this.isWanted) this.#retire(this.#stop('idle'));
  }

  /** No Pod of a user's set takes calls any more: shortens a wait that has begun. */
  hasten(): void {
    if (this.state !== 'backoff') return;
    const delayMs = this.#backoff.whenDown();
    if (this.#options.env.clock.nowMs() + delayMs < this.#retryAtMs) this.#retryIn(delayMs);
  }

  /** When something was last received from the Pod. */
  get lastReadMs(): number {
    return Math.max(...this.#links.map(({ connection }) => connection.lastReadMs));
  }

  /** Sends a PING on the oldest connection. Where one more could be punished, `answered` is called without it. */
  ping(answered: () => void): void {
    const oldest = this.#links[0];
    if (oldest?.connection.ping(answered) === false) this.#options.env.clock.after(0, answered);
  }

  /** Opens a stream on the oldest connection with room; on one that is suspect only if all are. */
  open(head: StreamHead, handler: StreamHandler): Stream | undefined {
    const isChoosy = this.#links.length > 1 && !this.isSuspect;
    for (const { connection } of this.#links) {
      if (isChoosy && connection.isSuspect) continue;
      const stream = connection.hasRoom ? connection.open(head, handler) : undefined;
      if (stream === undefined) continue;
      if (!connection.hasRoom) this.#onRoom();
      return stream;
    }
    this.#onRoom();
    return undefined;
  }

  /** Opens a stream that is no call, on the oldest connection that has a place for it. */
  openBackground(head: StreamHead, handler: StreamHandler): Stream | undefined {
    for (const { connection } of this.#links) {
      const stream = connection.openBackground(head, handler);
      if (stream === undefined) continue;
      this.#refresh();
      return stream;
    }
    return undefined;
  }

  /** For the dialer: begins one connection. */
  begin(settled: Settled): Connection | undefined {
    const { clock } = this.#options.env;
    const epoch = this.#epoch;
    let link: Link | undefined;
    let connecting = true;
    let keepaliveTimeMs = 0;
    const listener: ConnectionListener = {
      onReady: () => {
        connecting = false;
        settled('ready');
        if (epoch !== this.#epoch) return connection.destroy('the Pod is not used');
        link = { connection, readyMs: clock.nowMs() };
        this.#onReady(link);
      },
      onDraining: (cause) => link && this.#onDraining(link, closeText(cause)),
      onTooManyPings: () => this.#options.pings.onTooMany(this.address.id, keepaliveTimeMs),
      onRoom: () => this.#onRoom(),
      onSuspect: () => this.#lookSuspect(),
      mayGiveUp: () => this.#users.some((user) => user.hearsOthers()),
      onClosed: (cause) => {
        if (connecting) settled('failed');
        if (link === undefined && epoch !== this.#epoch) return;
        this.#onClosed(connection, link, cause);
      },
    };
    let connection: Connection;
    try {
      const options = this.#options.connectionOptions(this.address);
      keepaliveTimeMs = options.keepaliveTimeMs;
      connection = this.#options.transport.connect(options, listener);
    } catch (error) {
      // OpenSSL does not accept the certificates after all.
      this.#onFailed((error as Error).message);
      return undefined;
    }
    return connection;
  }

  /** Takes no more calls, and gives up attempts and waits. Returns the connections that took calls. */
  #stop(state: 'idle' | 'closed'): readonly Connection[] {
    this.#timer?.cancel();
    this.#epoch += 1;
    this.lost = false;
    const connections = this.#links.map(({ connection }) => connection);
    this.#links = [];
    this.#setState(state);
    this.#dialer.stop();
    return connections;
  }

  /** Drains connections: they close when their calls have ended. */
  #retire(connections: readonly Connection[]): void {
    for (const connection of connections) {
      this.#retiring.add(connection);
      connection.drain();
    }
  }

  #onReady(link: Link): void {
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
    if (this.#retiring.delete(connection)) {
      for (const user of this.#users) user.onConnectionGone();
    } else if (link !== undefined) {
      this.#links = this.#links.filter((other) => other !== link);
      this.#replace(link, reason);
    } else if (this.state !== 'closed') this.#onFailed(reason);
  }

  /** A connection could not be made. */
  #onFailed(reason: string): void {
    this.lastError = reason;
    if (this.#links.length > 0) return;
    this.failing = true;
    this.#wait();
  }

  /**
   * A connection is gone: makes another one, at once or after a wait (see `STABLE_MS`). A connection that was ready, however briefly, is
   * not a failure to connect, so calls wait for the next one.
   */
  #replace(link: Link, reason: string): void {
    this.lastError = reason;
    if (this.state !== 'ready') return;
    const good = this.sawReply || this.#options.env.clock.nowMs() - link.readyMs >= STABLE_MS;
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
    const isDown = this.#users.some((user) => user.wantsConnection && user.isDown());
    this.#retryIn(this.#backoff.next(isDown));
  }

  #retryIn(delayMs: number): void {
    const { clock } = this.#options.env;
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

  #lookSuspect(): void {
    const isSuspect = this.#links.length > 0 && this.#links.every(({ connection }) => connection.isSuspect);
    if (isSuspect === this.isSuspect) return;
    this.isSuspect = isSuspect;
    for (const user of this.#users) user.onConnectionsSuspect();
  }

  #setState(state: ConnectionsState): void {
    if (this.state === state) return this.#refresh();
    this.state = state;
    this.#look();
    this.#lookSuspect();
    for (const user of this.#users) user.onConnectionsState();
  }

  /** Works out `hasRoom`; returns whether it changed. */
  #look(): boolean {
    const { hasRoom } = this;
    this.hasRoom = this.state === 'ready' && this.#links.some(({ connection }) => connection.hasRoom);
    return this.hasRoom !== hasRoom;
  }

  #refresh(): void {
    this.#lookSuspect();
    if (this.#look()) for (const user of this.#users) user.onConnectionsRoom();
  }

  #onRoom(): void {
    this.#refresh();
    const isFull = this.state === 'ready' && !this.hasRoom;
    if (!isFull || this.#links.length >= this.#options.maxConnectionsPerPod) return;
    if (this.#users.some((user) => user.wantsRoom)) this.#dialer.dial();
  }
}
