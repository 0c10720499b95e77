// Long because it is where the parts of a connection meet: each part has a file, and here is what they tell one another.
import type { Socket } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { BackgroundStreams } from '../connection/background-streams.ts';
import { CLOSED, closedEarly, fromGoaway, fromSocket, isTooManyPings } from '../connection/close-cause.ts';
import { addressOf } from '../connection/dial.ts';
import { type World, worldOf } from '../connection/env.ts';
import { Keepalive, type KeptAlive } from '../connection/keepalive.ts';
import { ResetPacer } from '../connection/reset-pacer.ts';
import { LAST_USED_ID, MAX_STREAM_ID } from '../connection/stream-ids.ts';
import { type SuspectPeer, Suspicion } from '../connection/suspicion.ts';
import { ErrorCode } from '../error-codes.ts';
import { peerCertificate } from '../tls/peer-certificate.ts';
import type {
  CloseCause,
  Connection,
  ConnectionListener,
  ConnectionOptions,
  ConnectionState,
  Stream,
  StreamEnd,
  StreamHandler,
  StreamHead,
} from '../transport.ts';
import { CapacityNotifier } from './capacity-notifier.ts';
import { notHttp2 } from './first-bytes.ts';
import { Inflow } from './flow/inflow.ts';
import { Sender } from './flow/sender.ts';
import { ConnectionError } from './frames/connection-error.ts';
import { Cost, FloodGuard, windowsCost } from './frames/flood-guard.ts';
import { Flag, FrameType, PREFACE, writeUint32 } from './frames/frame.ts';
import { FrameReader } from './frames/frame-reader.ts';
import { MAX_WINDOW_BYTES, Setting, settingsFrame } from './frames/settings.ts';
import { Handshake } from './handshake.ts';
import { RequestEncoder } from './headers/request-encoder.ts';
import { ResponseDecoder } from './headers/response-decoder.ts';
import { Pings } from './pings.ts';
import { Receiver, type Session } from './receiver.ts';
import { closeSocket, openSocket, type SocketReader } from './socket.ts';
import { NO_RESET, OwnStream, type StreamHost } from './stream.ts';
import { StreamTable } from './stream-table.ts';

/** A connection on podwire's own HTTP/2. */
export class OwnConnection implements Connection, Session, StreamHost, KeptAlive, SuspectPeer, SocketReader {
  state: ConnectionState = 'connecting';
  maxConcurrentStreams = Number.POSITIVE_INFINITY;
  hasRoom = false;
  settled = false;
  bytesReceived = 0;
  callBytesReceived = 0;
  lastReadMs: number;
  readonly looksMs = Number.POSITIVE_INFINITY;
  readonly remoteAddress: string;
  readonly world: World;
  readonly sender: Sender;
  readonly #options: ConnectionOptions;
  readonly #listener: ConnectionListener;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #requests: RequestEncoder;
  readonly streams: StreamTable;
  readonly inflow: Inflow;
  readonly #guard: FloodGuard;
  readonly #keepalive: Keepalive;
  readonly suspicion: Suspicion | undefined;
  readonly #resets: ResetPacer<number>;
  readonly #handshake: Handshake;
  readonly #pings: Pings;
  /** Bytes that were ever sent, when something was last received. */
  #sentAtRead = 0;
  /** The last id of the peer's GOAWAY: the peer has not looked at streams above it. */
  #lastStreamId = MAX_STREAM_ID;
  /** By how much the SETTINGS at hand move the send windows of open streams. */
  #windowDelta = 0;
  readonly #room: CapacityNotifier;
  /** Undefined until the first is opened: without them, the end of a call costs one comparison. */
  #background: BackgroundStreams | undefined;
  /** The connection ended: nothing is read or written any more. */
  #over = false;
  /** Whether the socket has been open. */
  #connected = false;
  /** Why the connection will end: the first error, of the socket or in a GOAWAY. */
  #cause: CloseCause | undefined;
  #peerCertificate: PeerCertificate | undefined;

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    const { tls, maxHeaderListBytes } = options;
    const world = worldOf(options.env);
    this.world = world;
    this.lastReadMs = world.nowMs();
    this.streams = new StreamTable(world.nowMs);
    this.#guard = new FloodGuard(world.nowMs);
    this.#options = options;
    this.remoteAddress = addressOf(options);
    this.#listener = listener;
    this.#room = new CapacityNotifier(this, listener, world.nextTick);
    this.#requests = new RequestEncoder(tls === undefined ? 'http' : 'https');
    const receiver = new Receiver(this, new ResponseDecoder(maxHeaderListBytes), maxHeaderListBytes);
    this.#reader = new FrameReader(receiver);
    this.#socket = openSocket(options, this);
    this.sender = new Sender(this.#socket, this.#requests, world, () => this.#onFullChange());
    this.#keepalive = new Keepalive(this, { keepaliveSparing: false, ...options }, world);
    const { suspicion } = options;
    this.suspicion = suspicion && new Suspicion(this, suspicion, this.#keepalive.allowance, world);
    this.#resets = new ResetPacer((id, errorCode) => this.#reset(id, errorCode), world);
    this.#pings = new Pings(this.sender);
    this.inflow = new Inflow(this.sender, this.#pings, this.streams);
    const failed = (cause: CloseCause) => this.#shutDown(cause, undefined);
    this.#handshake = new Handshake(this.#socket, options, world, () => this.#begin(), failed);
    this.#socket.on('error', (error) => {
      this.#cause ??= fromSocket(error, this.#connected);
    });
    this.#socket.once('connect', () => {
      this.#connected = true;
    });
    this.#socket.once('end', () => this.#onSocketEnd());
    this.#socket.once('close', () => this.#onSocketEnd());
  }

  get openStreams(): number {
    return this.#background === undefined ? this.streams.size : this.streams.size - this.#background.size;
  }

  /** Works out `hasRoom` anew. That is a field because one call reads it five times. */
  get roomNow(): boolean {
    return (
      this.state === 'ready' &&
      !this.#over &&
      this.streams.size + this.#resets.waiting < this.maxConcurrentStreams &&
      !this.sender.full
    );
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  get peerCertificate(): PeerCertificate | undefined {
    this.#peerCertificate ??= peerCertificate(this.#socket);
    return this.#peerCertificate;
  }

  get maxHeaderListBytes(): number {
    return this.#options.maxHeaderListBytes;
  }

  get pingable(): boolean {
    return this.settled && (this.openStreams > 0 || this.#options.keepaliveWithoutCalls);
  }

  get isSuspect(): boolean {
    return this.suspicion?.isSuspect === true;
  }

  get bytesSentSinceRead(): number {
    return this.sender.bytesSent - this.#sentAtRead;
  }

  open(head: StreamHead, handler: StreamHandler): Stream | undefined {
    if (!this.hasRoom) {
      this.#room.noted();
      return undefined;
    }
    this.inflow.check();
    const stream = new OwnStream(this, this.streams.nextId(), handler, head.maxReceiveBytes);
    this.streams.add(stream);
    this.sender.headers(stream.id, head);
    this.hasRoom = this.roomNow;
    if (this.#keepalive.dormant) this.#keepalive.wake();
    // Another connection takes over before ids run out.
    if (stream.id >= LAST_USED_ID - 1)
      this.world.nextTick(() => this.#startDraining(local('stream ids run out')));
    this.#room.noted();
    return stream;
  }

  openBackground(head: StreamHead, handler: StreamHandler): Stream | undefined {
    this.#background ??= new BackgroundStreams();
    if (!this.#background.fit(this.maxConcurrentStreams)) return undefined;
    const stream = this.open(head, handler);
    if (stream === undefined) return undefined;
    (stream as OwnStream).isBackground = true;
    this.#background.add(stream);
    return stream;
  }

  drain(): void {
    this.#startDraining(local('drained'), true);
    if (this.state === 'connecting') this.destroy('drained before it was ready');
    else this.#closeIfDrained();
  }

  destroy(reason: string): void {
    this.#shutDown(local(reason), undefined);
  }

  onRead(source: Buffer, end: number): void {
    if (this.#over) return;
    this.bytesReceived += end;
    this.lastReadMs = this.world.nowMs();
    this.#sentAtRead = this.sender.bytesSent;
    if (this.suspicion?.isSuspect) this.suspicion.onRead();
    try {
      const other = this.bytesReceived === end ? notHttp2(source, end) : undefined;
      if (other !== undefined) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, other);
      this.#reader.push(source, 0, end);
      if (this.sender.peerNotReading)
        throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'asks and does not read');
    } catch (error) {
      if (!(error instanceof ConnectionError)) {
        this.destroy('a callback threw an error');
        throw error;
      }
      this.#shutDown({ kind: 'protocol', errorCode: error.code, detail: error.message }, error.code);
    }
  }

  ping(answered: () => void): boolean {
    const { allowance } = this.#keepalive;
    if (this.state !== 'ready' || !allowance.isFresh) return false;
    allowance.spend(this.world.nowMs());
    this.#pings.owner(answered);
    return true;
  }

  keepalive(answered: () => void): void {
    this.#pings.keepalive(answered);
  }

  probe(answered: () => void): void {
    this.#pings.suspicion(answered);
  }

  mayGiveUp(): boolean {
    return this.#listener.mayGiveUp?.() ?? true;
  }

  onSuspect(isSuspect: boolean): void {
    this.#listener.onSuspect?.(isSuspect);
  }

  onDead(cause: CloseCause): void {
    this.#shutDown(cause, undefined);
  }

  spend(cost: number): void {
    if (!this.#guard.spend(cost)) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'a flood of frames that do nothing');
    }
  }

  applySetting(setting: number, value: number): void {
    if (setting === Setting.HEADER_TABLE_SIZE) this.#requests.setTableLimit(value);
    else if (setting === Setting.MAX_FRAME_SIZE) this.sender.setMaxFrameBytes(value);
    else if (setting === Setting.MAX_CONCURRENT_STREAMS) this.maxConcurrentStreams = value;
    else if (setting === Setting.INITIAL_WINDOW_SIZE) {
      this.#windowDelta += value - this.sender.initialWindow;
      this.sender.initialWindow = value;
    }
  }

  onSettings(): void {
    // Sent before any frame that makes use of the settings: many peers take larger frames only after the acknowledgement.
    this.sender.frame(FrameType.SETTINGS, Flag.ACK, 0, undefined);
    this.#moveSendWindows();
    if (this.settled) {
      this.#background?.makeRoom(this.maxConcurrentStreams);
      return this.#checkRoom();
    }
    this.settled = true;
    this.#handshake.stop();
    this.state = 'ready';
    this.hasRoom = this.roomNow;
    this.#room.noted();
    this.#keepalive.start();
    this.#listener.onReady();
  }

  onSettingsAcknowledged(): void {
    if (!this.inflow.onAcknowledged()) this.spend(Cost.IDLE_FRAME);
  }

  onPing(payload: Uint8Array): void {
    this.sender.frame(FrameType.PING, Flag.ACK, 0, payload);
  }

  onPong(id: number): void {
    if (!this.#pings.onAnswer(id)) this.spend(Cost.IDLE_FRAME);
  }

  onGoaway(lastStreamId: number, errorCode: number, debugData: Uint8Array): void {
    if (lastStreamId > this.#lastStreamId) {
      throw new ConnectionError(
        ErrorCode.PROTOCOL_ERROR,
        'GOAWAY with a higher stream id than the one before',
      );
    }
    this.#lastStreamId = lastStreamId;
    this.#keepalive.leaveToTcp(this.#socket);
    this.suspicion?.stop();
    const cause = fromGoaway(errorCode, debugData);
    const isError = errorCode !== ErrorCode.NO_ERROR;
    if (isError) this.#cause ??= cause;
    if (isTooManyPings(cause)) this.#listener.onTooManyPings?.();
    this.#startDraining(cause);
    this.sender.forgetAbove(lastStreamId);
    for (const stream of this.streams.all()) {
      if (stream.id > lastStreamId) stream.finish(this.#endAbove(stream, isError, cause), NO_RESET);
    }
    this.#closeIfDrained();
  }

  /**
   * How a stream above GOAWAY's last id ended. A server that ends the connection for an error may have begun streams above the id it
   * names (nghttp2, and so Node, takes the id when it queues the frame, and goes on reading; Netty is known for the same: grpc-java's
   * `mayBeHittingNettyBug`): only what never left is known to have no effect.
   */
  #endAbove(stream: OwnStream, isError: boolean, cause: CloseCause): StreamEnd {
    const leftClient = stream.id <= this.sender.flushedId;
    if (isError && leftClient) return { kind: 'connection-lost', cause };
    return { kind: 'unprocessed', cause, leftClient };
  }

  onLateEnd(id: number, reset: boolean): void {
    this.#resets.onPeerEnd(id, reset);
    this.#checkRoom();
  }

  onWindow(bytes: number): void {
    this.sender.window += bytes;
    if (this.sender.window > MAX_WINDOW_BYTES) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'a connection window above 2^31−1 bytes');
    }
    this.sender.pump();
  }

  onCallBytes(bytes: number): void {
    this.callBytesReceived += bytes;
  }

  onDataBytes(counted: number): void {
    this.callBytesReceived += counted;
    this.inflow.onData(counted);
  }

  onStreamEnd(stream: OwnStream, errorCode: number | undefined, isHalfClosed: boolean): void {
    this.streams.remove(stream, errorCode !== undefined);
    if (this.#background !== undefined) this.#background.delete(stream);
    if (this.#over) return;
    if (errorCode !== undefined) {
      this.#resets.reset(stream.id, errorCode, isHalfClosed, stream.id > this.sender.flushedId);
      if (this.#resets.isBehind(this.maxConcurrentStreams)) this.world.nextTick(() => this.#retire());
    }
    this.#checkRoom();
    if (this.state === 'draining' && this.streams.size === 0) {
      // After the frames that were just written, for example a RST_STREAM.
      this.sender.afterFlush(() => this.#closeIfDrained());
    }
  }

  #reset(id: number, errorCode: number): void {
    this.sender.resetStream(id, errorCode);
    this.#checkRoom();
  }

  #checkRoom(): void {
    this.hasRoom = this.roomNow;
    this.#room.check();
  }

  /** The listener is told only when room comes back: the next call sees for itself that there is none. */
  #onFullChange(): void {
    this.hasRoom = this.roomNow;
    if (!this.sender.full) this.#room.check();
  }

  /** More calls were cancelled than the peer may be told of by RST_STREAM: the end of the connection tells it of the others. */
  #retire(): void {
    this.#startDraining(local('more calls were cancelled than the Pod may be told of'));
    this.#closeIfDrained();
  }

  #moveSendWindows(): void {
    const delta = this.#windowDelta;
    this.#windowDelta = 0;
    if (delta === 0) return;
    this.spend(windowsCost(this.streams.size));
    if (!this.streams.addSendWindow(delta)) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'a window above 2^31−1 bytes');
    }
  }

  #begin(): void {
    this.sender.raw(PREFACE);
    this.sender.raw(
      settingsFrame([
        [Setting.ENABLE_PUSH, 0],
        [Setting.INITIAL_WINDOW_SIZE, this.inflow.streamWindow],
        [Setting.MAX_HEADER_LIST_SIZE, this.#options.maxHeaderListBytes],
      ]),
    );
    this.inflow.begin();
  }

  /** `later`: the owner's own call is still running, so the owner is told on the next tick. */
  #startDraining(cause: CloseCause, later = false): void {
    if (this.state !== 'ready') return;
    this.state = 'draining';
    this.hasRoom = false;
    if (later) this.world.nextTick(() => this.#listener.onDraining(cause));
    else this.#listener.onDraining(cause);
    this.#background?.cancelAll();
  }

  #closeIfDrained(): void {
    if (this.state === 'draining' && this.streams.size === 0) this.#shutDown(undefined, undefined);
  }

  #onSocketEnd(): void {
    if (this.#over) return;
    const closed = this.settled ? CLOSED : closedEarly(this.#options.tls);
    // The socket may report an error after the end of the received bytes.
    this.world.setImmediate(() => this.#shutDown(this.#cause ?? closed, undefined));
  }

  /** Ends everything. Without a cause, a drained connection ends in order. */
  #shutDown(cause: CloseCause | undefined, errorCode: number | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.hasRoom = false;
    this.#handshake.stop();
    this.#keepalive.stop();
    this.suspicion?.stop();
    this.#resets.stop();
    this.#reader.stop();
    const neverLeft = this.sender.flushedId;
    const payload = new Uint8Array(8);
    writeUint32(payload, 4, errorCode ?? ErrorCode.NO_ERROR);
    this.sender.stop(this.settled || errorCode !== undefined ? payload : undefined);
    closeSocket(this.#socket, errorCode !== undefined, this.world.after);
    // Not inside the caller's call, or the callback of a stream.
    this.world.nextTick(() => this.#tellEnd(cause, neverLeft));
  }

  #tellEnd(cause: CloseCause | undefined, neverLeft: number): void {
    const lost = cause ?? local('the connection was drained');
    this.#startDraining(lost);
    for (const stream of this.streams.all()) {
      const left = stream.id <= neverLeft;
      if (left) stream.finish({ kind: 'connection-lost', cause: lost }, NO_RESET);
      else stream.finish({ kind: 'unprocessed', cause: lost, leftClient: false }, NO_RESET);
    }
    this.state = 'closed';
    this.#listener.onClosed(cause);
  }
}

function local(detail: string): CloseCause {
  return { kind: 'local', detail };
}
