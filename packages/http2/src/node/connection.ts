// Long because it works round what node:http2 does differently from its documents, each with the reason beside it.
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { TimeLimit } from '@podwire/core';
import { BackgroundStreams } from '../connection/background-streams.ts';
import {
  CLOSED,
  closedEarly,
  fromGoaway,
  fromSession,
  isTooManyPings,
  NO_ALPN,
} from '../connection/close-cause.ts';
import { addressOf, dial } from '../connection/dial.ts';
import { type World, worldOf } from '../connection/env.ts';
import { FIELD_BYTES, maxBlockBytes } from '../connection/header-limit.ts';
import { Keepalive } from '../connection/keepalive.ts';
import { SMALLEST_WINDOW_BYTES, START_WINDOW_BYTES, UnreadBytes } from '../connection/receive-budget.ts';
import { ResetPacer } from '../connection/reset-pacer.ts';
import { LAST_USED_ID } from '../connection/stream-ids.ts';
import { type SuspectPeer, Suspicion } from '../connection/suspicion.ts';
import { ErrorCode } from '../error-codes.ts';
import { peerCertificate } from '../tls/peer-certificate.ts';
import type {
  CloseCause,
  Connection,
  ConnectionListener,
  ConnectionOptions,
  ConnectionState,
  MethodHead,
  Stream,
  StreamHandler,
  StreamHead,
  TlsOptions,
} from '../transport.ts';
import { type Goaway, NodeStream, type StreamOwner } from './stream.ts';
import { unsentStream } from './unsent-stream.ts';

/** Room for the windows of all streams. */
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
/** Codes of node:http2's errors that say that the session takes no more streams. */
const SESSION_ENDS = new Set([
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_INVALID_SESSION',
  'ERR_HTTP2_OUT_OF_STREAMS',
]);
/** How long a destroyed session may take to close. */
const CLOSE_MS = 500;
/** How often within the keepalive time the connection looks whether bytes have arrived. */
const LOOKS = 4;
const UNLIMITED_STREAMS = 0xffffffff;
/** Complete, because node:http2 would add missing options for every request, at 4 % of a call's cost. */
const REQUEST_OPTIONS = { endStream: false, weight: 16, parent: 0, exclusive: false, silent: false };

/** A connection on node:http2. */
export class NodeConnection implements Connection, StreamOwner, SuspectPeer {
  state: ConnectionState = 'connecting';
  maxConcurrentStreams = 0;
  lost: CloseCause | undefined;
  goaway: Goaway | undefined;
  callBytesReceived = 0;
  readonly resets: ResetPacer<NodeStream>;
  readonly maxHeaderListBytes: number;
  readonly unread = new Set<NodeStream>();
  readonly remoteAddress: string;
  readonly world: World;
  readonly #listener: ConnectionListener;
  readonly #socket: Socket;
  readonly #session: ClientHttp2Session;
  readonly #keepalive: Keepalive;
  readonly suspicion: Suspicion | undefined;
  /** Bytes that were ever sent, when something was last received. */
  #sentAtRead = 0;
  readonly #withoutCalls: boolean;
  readonly #tls: TlsOptions | undefined;
  readonly #heads = new WeakMap<MethodHead, OutgoingHttpHeaders>();
  readonly #limit: TimeLimit;
  readonly #unread = new UnreadBytes();
  streamWindow = START_WINDOW_BYTES;
  /** Streams that have not ended, with those in the background. */
  #streams = 0;
  readonly #background = new BackgroundStreams();
  #hadRoom = false;
  /** The end in node:http2's words, used where nothing else says why. */
  #sessionError: CloseCause | undefined;
  /** The socket was open. */
  #connected = false;
  #closed = false;
  #lastReadMs: number;
  #seenBytes = 0;
  readonly looksMs: number;
  #peerCertificate: PeerCertificate | undefined;

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    const { tls, connectTimeoutMs } = options;
    this.world = worldOf(options.env);
    this.#lastReadMs = this.world.nowMs();
    this.remoteAddress = addressOf(options);
    this.#listener = listener;
    this.#withoutCalls = options.keepaliveWithoutCalls;
    this.#tls = tls;
    this.maxHeaderListBytes = options.maxHeaderListBytes;
    this.#socket = dial(options);
    const late = () => {
      const step = this.#socket.connecting ? 'tcp' : this.#session.connecting ? 'tls' : 'settings';
      this.#end({ kind: 'timeout', step, afterMs: connectTimeoutMs });
    };
    this.#limit = new TimeLimit(connectTimeoutMs, late, this.world);
    const session: ClientSessionOptions = {
      createConnection: () => this.#socket,
      settings: {
        enablePush: false,
        initialWindowSize: START_WINDOW_BYTES,
        maxHeaderListSize: maxBlockBytes(options.maxHeaderListBytes),
      },
      // The limit is on the list's size, not on the number of its pairs.
      maxHeaderListPairs: Math.ceil(maxBlockBytes(options.maxHeaderListBytes) / FIELD_BYTES),
      // Flow control bounds the receive windows. This limit would kill the session instead, so it is large.
      maxSessionMemory: 1024,
    };
    this.#session = connect(
      // Node wants a URL, although the socket exists and every call names its authority.
      `${tls === undefined ? 'http' : 'https'}://${options.path === undefined ? this.remoteAddress : 'localhost'}`,
      session,
    );
    this.#session.unref();
    this.looksMs = options.keepaliveTimeMs / LOOKS;
    this.#keepalive = new Keepalive(this, { keepaliveSparing: false, ...options }, this.world);
    const { suspicion } = options;
    this.suspicion = suspicion && new Suspicion(this, suspicion, this.#keepalive.allowance, this.world);
    this.resets = new ResetPacer((stream, errorCode) => {
      stream.reset(errorCode);
      this.#checkRoom();
    }, this.world);
    this.#follow(tls !== undefined);
  }

  get openStreams(): number {
    return this.#streams - this.#background.size;
  }

  get isOver(): boolean {
    return this.#session.destroyed;
  }

  /** Reads are node:http2's own: received bytes are noticed when the keepalive looks. */
  get lastReadMs(): number {
    const { bytesRead } = this.#socket;
    if (bytesRead !== this.#seenBytes) {
      this.#seenBytes = bytesRead;
      this.#lastReadMs = this.world.nowMs();
      this.#sentAtRead = this.#socket.bytesWritten;
    }
    return this.#lastReadMs;
  }

  get isSuspect(): boolean {
    return this.suspicion?.isSuspect === true;
  }

  get bytesSentSinceRead(): number {
    return this.#socket.bytesWritten - this.#sentAtRead;
  }

  get bytesReceived(): number {
    return this.#socket.bytesRead;
  }

  get pingable(): boolean {
    return this.state !== 'connecting' && (this.openStreams > 0 || this.#withoutCalls);
  }

  get hasRoom(): boolean {
    return this.state === 'ready' && this.#streams + this.resets.waiting < this.maxConcurrentStreams;
  }

  get peerCertificate(): PeerCertificate | undefined {
    this.#peerCertificate ??= peerCertificate(this.#socket);
    return this.#peerCertificate;
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  open(head: StreamHead, handler: StreamHandler): Stream | undefined {
    if (!this.hasRoom) return undefined;
    this.onUnread(0);
    const block = { ...this.#repeated(head.method) };
    addHeaders(block, head.headers);
    let request: ClientHttp2Stream;
    try {
      request = this.#session.request(block, REQUEST_OPTIONS);
    } catch (error) {
      return this.#onRefused(error as NodeJS.ErrnoException, handler);
    }
    this.#streams += 1;
    if (this.#keepalive.dormant) this.#keepalive.wake();
    // The listener is told only when room comes back: the caller sees for itself that it took the last room.
    this.#hadRoom = this.hasRoom;
    if ((request.id ?? 0) > LAST_USED_ID)
      this.#startDraining({ kind: 'local', detail: 'stream ids run out' }, true);
    return new NodeStream(this, request, handler, head.maxReceiveBytes);
  }

  openBackground(head: StreamHead, handler: StreamHandler): Stream | undefined {
    if (!this.#background.fit(this.maxConcurrentStreams)) return undefined;
    const stream = this.open(head, handler);
    // One that node:http2 did not begin is none of the connection's.
    if (!(stream instanceof NodeStream)) return stream;
    stream.isBackground = true;
    this.#background.add(stream);
    return stream;
  }

  /** node:http2 began no stream: the session takes no more streams, or refuses these headers. */
  #onRefused(error: NodeJS.ErrnoException, handler: StreamHandler): Stream | undefined {
    if (!SESSION_ENDS.has(error.code ?? '')) return unsentStream(error, this, handler, this.world.nextTick);
    // node:http2's own event for this follows.
    this.#startDraining({ kind: 'local', detail: error.message }, true);
    return undefined;
  }

  /** The headers of all calls of a method, as node:http2 takes them. Copying a literal is much cheaper than building an object up. */
  #repeated(method: MethodHead): OutgoingHttpHeaders {
    let block = this.#heads.get(method);
    if (block === undefined) {
      block = {
        ':method': 'POST',
        ':scheme': this.#session.encrypted ? 'https' : 'http',
        ':authority': method.authority,
        ':path': method.path,
      };
      addHeaders(block, method.headers);
      this.#heads.set(method, block);
    }
    return block;
  }

  drain(): void {
    this.#startDraining({ kind: 'local', detail: 'drained' }, true);
    this.#closeIfDrained();
  }

  destroy(reason: string): void {
    this.#end({ kind: 'local', detail: reason });
  }

  #end(cause: CloseCause): void {
    if (this.state === 'closed') return;
    this.lost ??= cause;
    this.#session.destroy();
    this.#socket.destroy();
    // node:http2 reports the end itself, unless the session ended under fake timers.
    this.world.after(CLOSE_MS, () => this.#onClosed());
  }

  ping(answered: () => void): boolean {
    const { allowance } = this.#keepalive;
    if (this.state !== 'ready' || !allowance.isFresh) return false;
    allowance.spend(this.world.nowMs());
    this.keepalive(answered);
    return true;
  }

  probe(answered: () => void): void {
    this.keepalive(answered);
  }

  mayGiveUp(): boolean {
    return this.#listener.mayGiveUp?.() ?? true;
  }

  onSuspect(isSuspect: boolean): void {
    this.#listener.onSuspect?.(isSuspect);
  }

  keepalive(answered: () => void): void {
    if (this.#session.destroyed) return;
    this.#session.ping((error) => {
      if (error === null) answered();
    });
  }

  onDead(cause: CloseCause): void {
    this.#end(cause);
  }

  onReceived(bytes: number): void {
    this.callBytesReceived += bytes;
    void this.lastReadMs;
    if (this.suspicion?.isSuspect) this.suspicion.onRead();
  }

  onUnread(bytes: number): void {
    this.#unread.add(bytes);
    const windowBytes = this.#unread.tight ? SMALLEST_WINDOW_BYTES : START_WINDOW_BYTES;
    if (windowBytes === this.streamWindow || this.#session.destroyed || this.#session.pendingSettingsAck)
      return;
    this.streamWindow = windowBytes;
    this.#session.settings({ initialWindowSize: windowBytes });
  }

  onStreamEnd(stream: NodeStream): void {
    this.#streams -= 1;
    this.#background.delete(stream);
    if (this.resets.isBehind(this.maxConcurrentStreams)) this.world.nextTick(() => this.#retire());
    this.#closeIfDrained();
    this.#checkRoom();
  }

  onPeerEnd(stream: NodeStream, reset: boolean): void {
    this.resets.onPeerEnd(stream, reset);
    this.#checkRoom();
  }

  /** More calls were cancelled than the peer may be told of by RST_STREAM: the end of the connection tells it of the others. */
  #retire(): void {
    this.#startDraining({
      kind: 'local',
      detail: 'more calls were cancelled than the Pod may be told of',
    });
    this.#closeIfDrained();
  }

  #closeIfDrained(): void {
    if (this.state !== 'draining' || this.#streams > 0) return;
    if (this.resets.waiting > 0) this.#session.destroy();
    else this.#session.close();
  }

  #follow(encrypted: boolean): void {
    const session = this.#session;
    this.#socket.once('connect', () => {
      this.#connected = true;
    });
    this.#socket.on('error', (error) => {
      this.lost ??= fromSession(error, this.#connected, this.state !== 'connecting');
      // Without the peer's SETTINGS, a session would outlive its socket up to the time limit, for example after a TLS 1.3 alert.
      if (this.state === 'connecting') this.#end(this.lost);
    });
    session.on('error', (error) => {
      this.#sessionError ??= fromSession(error, this.#connected, this.state !== 'connecting');
    });
    session.once('connect', () => {
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
      if (encrypted && session.alpnProtocol !== 'h2') this.#end(NO_ALPN);
    });
    session.on('remoteSettings', (settings) => {
      const max = settings.maxConcurrentStreams ?? UNLIMITED_STREAMS;
      this.maxConcurrentStreams = max === UNLIMITED_STREAMS ? Number.POSITIVE_INFINITY : max;
      if (this.state === 'connecting') return this.#onReady();
      this.#background.makeRoom(this.maxConcurrentStreams);
      this.#checkRoom();
    });
    session.on('goaway', (code, lastStreamId, debugData) => {
      const cause = fromGoaway(code, debugData);
      const isError = code !== ErrorCode.NO_ERROR;
      this.goaway = { lastStreamId, isError, cause };
      if (isError) this.lost ??= cause;
      if (isTooManyPings(cause)) this.#listener.onTooManyPings?.();
      this.#keepalive.leaveToTcp(this.#socket);
      this.suspicion?.stop();
      this.#startDraining(cause);
    });
    session.once('close', () => this.#onClosed());
  }

  #onReady(): void {
    this.#limit.stop();
    this.state = 'ready';
    this.#hadRoom = this.hasRoom;
    this.#keepalive.start();
    this.#listener.onReady();
  }

  /** `later`: the owner's own call is still running, so the owner is told on the next tick. */
  #startDraining(cause: CloseCause, later = false): void {
    if (this.state !== 'ready') return;
    this.state = 'draining';
    if (later) this.world.nextTick(() => this.#listener.onDraining(cause));
    else this.#listener.onDraining(cause);
    this.#background.cancelAll();
  }

  #checkRoom(): void {
    if (this.hasRoom === this.#hadRoom) return;
    this.#hadRoom = this.hasRoom;
    this.#listener.onRoom();
  }

  #onClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#limit.stop();
    this.#keepalive.stop();
    this.suspicion?.stop();
    this.resets.stop();
    this.lost ??= this.#sessionError;
    const orderly = this.lost === undefined && this.state === 'draining' && this.openStreams === 0;
    this.lost ??= this.state === 'connecting' ? closedEarly(this.#tls) : CLOSED;
    this.#socket.destroy();
    const before = this.state;
    if (before === 'ready') this.#startDraining(this.lost);
    // After the streams, which report their ends in an earlier check phase.
    this.world.setImmediate(() => {
      for (const stream of this.unread) stream.onConnectionClosed(this.lost!);
      this.state = 'closed';
      this.#listener.onClosed(orderly ? undefined : this.lost);
    });
  }
}

function addHeaders(block: OutgoingHttpHeaders, headers: readonly string[]): void {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!;
    const value = headers[i + 1]!;
    // Own properties only: metadata may be named `constructor`.
    const before = Object.hasOwn(block, name) ? block[name] : undefined;
    if (before === undefined) block[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else block[name] = [String(before), value];
  }
}
