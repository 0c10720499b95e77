import type { Socket } from 'node:net';
import type { World } from '../../connection/env.ts';
import { PREFIX_BYTES } from '../../grpc/message-prefix.ts';
import type { StreamHead } from '../../transport.ts';
import {
  Flag,
  FRAME_HEAD_BYTES,
  FrameType,
  MAX_FRAME_BYTES,
  writeFrameHead,
  writeUint32,
} from '../frames/frame.ts';
import { DEFAULT_WINDOW_BYTES } from '../frames/settings.ts';
import type { RequestEncoder } from '../headers/request-encoder.ts';
import { type Sendable, SendQueue } from './send-queue.ts';
import { type Flushable, type Turn, turnOf } from './turn.ts';
import { recycle, WriteBuffer } from './write-buffer.ts';

/** While this much waits for the socket, streams hold their messages back. */
const CONGESTED_BYTES = 512 * 1024;
/** Messages stop earlier, so only the headers of new calls reach this: no more calls until the socket takes bytes. */
const FULL_BYTES = 1024 * 1024;
/** Beyond this, only answers to the peer's own frames can grow: the peer sends but does not read. */
const NOT_READING_BYTES = 2 * 1024 * 1024;
/** Bodies up to this size are copied between the frames; copying a larger one costs more than writing another piece. */
const COPY_BYTES = 8 * 1024;
/** We cut messages for fairness between streams even where the peer takes frames of 16 MiB. */
const LARGEST_FRAME_BYTES = 64 * 1024;

/** The sending half of a connection: everything written in one turn of the event loop leaves in one write. */
export class Sender implements Flushable {
  /** The connection's send window. */
  window = DEFAULT_WINDOW_BYTES;
  /** The peer's SETTINGS_INITIAL_WINDOW_SIZE. */
  initialWindow = DEFAULT_WINDOW_BYTES;
  maxFrameBytes = MAX_FRAME_BYTES;
  /** Streams up to this id were handed to the socket. */
  flushedId = 0;
  /** DATA frames that were ever written. */
  dataFrames = 0;
  /** Bytes that were ever handed to the socket. */
  bytesSent = 0;
  /** Whether new calls must wait, too. Kept up to date by `#noteFull`. */
  full = false;
  readonly #socket: Socket;
  readonly world: World;
  readonly #turn: Turn;
  readonly #requests: RequestEncoder;
  /** `full` changed. */
  readonly #onFullChange: () => void;
  readonly #out = new WriteBuffer();
  #lastId = 0;
  #scheduled = false;
  /** Set once nothing may be written any more. */
  stopped = false;
  #afterFlush: (() => void)[] = [];
  readonly #waiting = new SendQueue();
  #telling = false;
  /** Callbacks of writes made inside another callback. They run after it, so that a caller that keeps writing does not fill the stack. */
  #nested: (() => void)[] = [];

  constructor(socket: Socket, requests: RequestEncoder, world: World, onFullChange: () => void) {
    this.#socket = socket;
    this.world = world;
    this.#turn = turnOf(world);
    this.#requests = requests;
    this.#onFullChange = onFullChange;
  }

  /** Bytes that the socket has not written. */
  get #unsentBytes(): number {
    return this.#socket.writableLength + this.#out.base + this.#out.position;
  }

  get congested(): boolean {
    return this.#unsentBytes >= CONGESTED_BYTES;
  }

  /** Works out `full` anew. They differ for a tick when the socket has written and has not called back yet. */
  get fullNow(): boolean {
    return this.#unsentBytes >= FULL_BYTES;
  }

  /** Whether the peer sends frames that need answers, and does not read them. */
  get peerNotReading(): boolean {
    return this.#unsentBytes >= NOT_READING_BYTES;
  }

  setMaxFrameBytes(bytes: number): void {
    this.maxFrameBytes = Math.min(bytes, LARGEST_FRAME_BYTES);
  }

  headers(streamId: number, head: StreamHead): void {
    this.#requests.write(this.#out, streamId, head, this.maxFrameBytes);
    this.#lastId = streamId;
    this.#noteFull();
    if (this.#scheduled) this.#turn.flushOverdue();
    else this.#schedule();
  }

  /** Sends bytes `offset` to `offset + count` of a message with its prefix as one DATA frame; the caller checks the windows. */
  data(
    streamId: number,
    message: Uint8Array,
    compressed: boolean,
    offset: number,
    count: number,
    endStream: boolean,
  ): void {
    const out = this.#out;
    this.dataFrames += 1;
    const copied = count <= COPY_BYTES;
    out.reserve(FRAME_HEAD_BYTES + (copied ? count : PREFIX_BYTES));
    const { block } = out;
    const flags = endStream ? Flag.END_STREAM : 0;
    let at = writeFrameHead(block, out.position, count, FrameType.DATA, flags, streamId);
    let from = offset - PREFIX_BYTES;
    if (offset === 0 && count >= PREFIX_BYTES) {
      block[at] = compressed ? 1 : 0;
      at = writeUint32(block, at + 1, message.length);
      from = 0;
    } else {
      // The window may be so small that the prefix itself is cut.
      for (let i = offset; i < Math.min(PREFIX_BYTES, offset + count); i++) {
        block[at++] = i === 0 ? (compressed ? 1 : 0) : message.length >>> (8 * (PREFIX_BYTES - 1 - i));
      }
      from = Math.max(0, from);
    }
    const until = Math.max(0, offset + count - PREFIX_BYTES);
    const whole = from === 0 && until === message.length;
    if (copied) {
      if (until > 0) block.set(whole ? message : message.subarray(from, until), at);
      out.position = at + until - from;
    } else {
      out.position = at;
      out.reference(message.subarray(from, until));
    }
    this.#schedule();
  }

  /** Sends DATA without a payload, which ends the stream and does not count for flow control. */
  endStream(streamId: number): void {
    this.frame(FrameType.DATA, Flag.END_STREAM, streamId, undefined);
  }

  resetStream(streamId: number, errorCode: number): void {
    this.#frame32(FrameType.RST_STREAM, streamId, errorCode);
  }

  windowUpdate(streamId: number, bytes: number): void {
    this.#frame32(FrameType.WINDOW_UPDATE, streamId, bytes);
  }

  frame(type: number, flags: number, streamId: number, payload: Uint8Array | undefined): void {
    this.#out.reserve(FRAME_HEAD_BYTES);
    const length = payload === undefined ? 0 : payload.length;
    this.#out.position = writeFrameHead(this.#out.block, this.#out.position, length, type, flags, streamId);
    if (payload !== undefined) this.#out.append(payload);
    this.#noteFull();
    this.#schedule();
  }

  raw(bytes: Uint8Array): void {
    this.#out.append(bytes);
    this.#noteFull();
    this.#schedule();
  }

  /**
   * Tells the writer of a message that it may go on: at once while there is room, so that all messages of one turn leave in one
   * write; otherwise after everything written so far was handed to the socket.
   */
  whenTaken(done: () => void): void {
    if (this.congested) this.afterFlush(done);
    else if (this.#telling) this.#nested.push(done);
    else this.#tell(done);
  }

  #tell(done: () => void): void {
    const nested = this.#nested;
    let told = 0;
    this.#telling = true;
    try {
      done();
      while (told < nested.length) nested[told++]!();
    } finally {
      this.#telling = false;
      if (nested.length > 0) {
        this.#nested = [];
        for (const rest of nested.slice(told)) this.afterFlush(rest);
      }
    }
  }

  /** Runs `fn` after everything written so far was handed to the socket, never synchronously. */
  afterFlush(fn: () => void): void {
    this.#afterFlush.push(fn);
    this.#schedule();
  }

  /** Sends for this stream whenever the connection's window and the socket allow. */
  enqueue(stream: Sendable): void {
    this.#waiting.push(stream);
    this.pump();
  }

  /** Sends the messages that were held back, a frame of each stream in turn. */
  pump(): void {
    while (this.window > 0 && !this.congested && !this.stopped) {
      const stream = this.#waiting.shift();
      if (stream === undefined) return;
      if (stream.sendFrame()) this.#waiting.push(stream);
    }
  }

  flush(): void {
    this.#scheduled = false;
    if (!this.stopped) this.#write();
    const ran = this.#afterFlush;
    if (ran.length === 0) return;
    this.#afterFlush = [];
    for (const fn of ran) fn();
  }

  /**
   * Drops the frames of streams above `id` that were not handed to the socket. Only for a connection that opens no more streams: the
   * peer's header table lacks the entries of the dropped headers.
   */
  forgetAbove(id: number): void {
    const above = Math.max(id, this.flushedId);
    if (this.#lastId <= above) return;
    this.#lastId = above;
    const { pieces, blocks } = this.#out.take();
    const written = Buffer.concat(pieces);
    recycle(blocks);
    for (let at = 0, end = 0; at < written.length; at = end) {
      end = at + FRAME_HEAD_BYTES + written.readUIntBE(at, 3);
      if ((written.readUInt32BE(at + 5) & 0x7fffffff) <= above) this.#out.append(written.subarray(at, end));
    }
  }

  /** Drops everything not yet handed to the socket, then writes only GOAWAY with this payload. */
  stop(goaway: Uint8Array | undefined): void {
    if (this.stopped) return;
    recycle(this.#out.take().blocks);
    this.#lastId = this.flushedId;
    if (goaway !== undefined) this.frame(FrameType.GOAWAY, 0, 0, goaway);
    this.#write();
    this.stopped = true;
    this.#waiting.clear();
  }

  #write(): void {
    this.flushedId = this.#lastId;
    const { pieces, blocks } = this.#out.take();
    if (pieces.length === 0) return;
    for (let i = 0; i < pieces.length; i++) this.bytesSent += pieces[i]!.length;
    const written = () => this.#onWritten(blocks);
    if (pieces.length === 1) {
      this.#socket.write(pieces[0]!, written);
      return;
    }
    this.#socket.cork();
    for (let i = 0; i < pieces.length - 1; i++) this.#socket.write(pieces[i]!);
    this.#socket.write(pieces[pieces.length - 1]!, written);
    this.#socket.uncork();
  }

  #onWritten(blocks: readonly Buffer[]): void {
    recycle(blocks);
    if (this.stopped) return;
    this.pump();
    if (this.full) this.#noteFull();
  }

  #frame32(type: number, streamId: number, value: number): void {
    const out = this.#out;
    out.reserve(FRAME_HEAD_BYTES + 4);
    const at = writeFrameHead(out.block, out.position, 4, type, 0, streamId);
    out.position = writeUint32(out.block, at, value);
    this.#noteFull();
    this.#schedule();
  }

  /** Called after every write but those of DATA, which `congested` holds back long before, and after the socket has written. */
  #noteFull(): void {
    const { fullNow } = this;
    if (fullNow === this.full) return;
    this.full = fullNow;
    this.#onFullChange();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#turn.flushAtEnd(this);
  }
}
