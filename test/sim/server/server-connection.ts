import { HpackDecoder } from '../../../packages/http2/src/own/hpack/decoder.ts';
import type { ServerSide, SimSocket } from '../net/sim-socket.ts';
import {
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  Flag,
  FrameType,
  frame,
  goAway,
  HEAD_BYTES,
  MAX_STREAM_ID,
  message,
  PREFACE_BYTES,
  Setting,
  settings,
  uint32,
} from './frames.ts';
import { HeaderBlocks } from './header-blocks.ts';
import { PingPolice, ResetPolice } from './police.ts';
import { ServerStream } from './server-stream.ts';

const TABLE_BYTES = 4_096;
const MAX_LIST_BYTES = 1 << 20;
const MAX_FRAME_BYTES = 16_384;
/** Received DATA is given back in pieces of this size. */
const RETURN_BYTES = 32 * 1024;
const GOAWAY_PING = Buffer.from('goingout');

/** The process, as its connections know it. */
export interface ServerProcess {
  readonly reads: boolean;
  /** Whether it takes connections and then says nothing. */
  readonly isSilent: boolean;
  readonly maxStreams: number | undefined;
  readonly hasPingPolice: boolean;
  readonly hasResetPolice: boolean;
  /** Whether headers are encoded with the connection's table. */
  readonly keepsHeaders: boolean;
  nowMs(): number;
  later(delayMs: number, fn: () => void): void;
  /** A call begins: its headers are there. */
  onCall(connection: ServerConnection, stream: ServerStream): void;
  /** More of its messages are there, or its end. */
  onMessages(connection: ServerConnection, stream: ServerStream, count: number): void;
  onPolice(what: 'pings' | 'resets'): void;
  onGone(connection: ServerConnection): void;
}

/** One connection of HTTP/2, as the server has it: small, and strict where real servers are. */
export class ServerConnection implements ServerSide {
  readonly streams = new Map<number, ServerStream>();
  readonly #process: ServerProcess;
  readonly #socket: SimSocket;
  readonly #hpack = new HpackDecoder(TABLE_BYTES, MAX_LIST_BYTES);
  readonly #blocks: HeaderBlocks;
  readonly #pings = new PingPolice();
  readonly #resets = new ResetPolice();
  #received: Buffer = Buffer.alloc(0);
  #isGreeted = false;
  #lastStream = 0;
  #window = DEFAULT_WINDOW_BYTES;
  #streamWindow = DEFAULT_WINDOW_BYTES;
  #unreturned = 0;
  /** After its last GOAWAY: streams above `#lastTaken` are not looked at. */
  #lastTaken = MAX_STREAM_ID;
  #leaves = false;
  #isOver = false;
  /** Frames of the calls of `#together` that are under way. */
  #out: Buffer[] = [];
  #nesting = 0;

  constructor(process: ServerProcess, socket: SimSocket) {
    this.#process = process;
    this.#socket = socket;
    this.#blocks = new HeaderBlocks(process.keepsHeaders);
  }

  get reads(): boolean {
    return this.#process.reads;
  }

  onPoll(delayMs: number, fn: () => void): void {
    this.#process.later(delayMs, fn);
  }

  onBytes(bytes: Buffer): void {
    if (!this.#isOver && !this.#process.isSilent) this.#together(() => this.#onBytes(bytes));
  }

  /** The client closed the connection. */
  onEnd(): void {
    this.#close();
  }

  onReset(): void {
    this.#over();
  }

  /** The process dies: its kernel resets the connection where bytes were not read, and else closes it. */
  die(): void {
    if (this.#isOver) return;
    if (this.#socket.serverHasUnread) this.#socket.serverReset();
    else this.#socket.serverEnd();
    this.#over();
  }

  /** The host is gone. */
  vanish(): void {
    if (this.#isOver) return;
    this.#socket.serverVanish();
    this.#over();
  }

  reset(): void {
    if (this.#isOver) return;
    this.#socket.serverReset();
    this.#over();
  }

  resume(): void {
    this.#socket.serverResume();
  }

  /** Announces another limit of streams. */
  limitStreams(count: number): void {
    if (this.#isGreeted) this.#write(settings([Setting.MAX_CONCURRENT_STREAMS, count]));
  }

  /**
   * Asks the client to go: calls that are open finish. `twice`: first with the largest id, and a PING later with the last one, as grpc-go
   * and RFC 9113 §6.8 have it.
   */
  goAway(twice: boolean, errorCode: number = ErrorCode.NO_ERROR, debug = ''): void {
    if (this.#isOver || this.#leaves || !this.#isGreeted) return;
    if (twice && errorCode === ErrorCode.NO_ERROR) {
      this.#write(goAway(MAX_STREAM_ID, errorCode));
      this.#write(frame(FrameType.PING, 0, 0, GOAWAY_PING));
      return;
    }
    this.#leave(errorCode, debug);
  }

  /** A whole reply at once. */
  reply(stream: ServerStream, body: Uint8Array): void {
    this.send(stream, body, true);
  }

  /** A message of a reply. */
  send(stream: ServerStream, body: Uint8Array, isLast = false): void {
    if (stream.isOver) return;
    stream.pending.push(message(body));
    stream.isAnswered = isLast;
    this.#together(() => this.#pump(stream));
  }

  /** The end of a reply. */
  finish(stream: ServerStream): void {
    if (stream.isOver) return;
    stream.isAnswered = true;
    this.#together(() => this.#pump(stream));
  }

  fail(stream: ServerStream, code: number, pushbackMs?: number): void {
    if (stream.isOver) return;
    stream.pending = [];
    const block = this.#blocks.failure(code, !stream.hasHead, pushbackMs);
    this.#end(stream, frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, stream.id, block));
  }

  /** Answers as a proxy does that has no server. */
  failAsProxy(stream: ServerStream): void {
    if (stream.isOver) return;
    this.#end(
      stream,
      frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, stream.id, this.#blocks.notGrpc()),
    );
  }

  resetStream(stream: ServerStream, errorCode: number): void {
    if (!stream.isOver) this.#end(stream, frame(FrameType.RST_STREAM, 0, stream.id, uint32(errorCode)));
  }

  #onBytes(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    if (!this.#isGreeted) {
      if (this.#received.length < PREFACE_BYTES) return;
      this.#received = this.#received.subarray(PREFACE_BYTES);
      this.#isGreeted = true;
      const { maxStreams } = this.#process;
      this.#write(
        settings(
          ...(maxStreams === undefined ? [] : [[Setting.MAX_CONCURRENT_STREAMS, maxStreams] as const]),
        ),
      );
    }
    const received = this.#received;
    let at = 0;
    while (received.length - at >= HEAD_BYTES && !this.#isOver) {
      const end = at + HEAD_BYTES + received.readUIntBE(at, 3);
      if (received.length < end) break;
      this.#onFrame(
        received[at + 3]!,
        received[at + 4]!,
        received.readUInt32BE(at + 5),
        received,
        at + HEAD_BYTES,
        end,
      );
      at = end;
    }
    this.#received = at === received.length ? Buffer.alloc(0) : received.subarray(at);
  }

  #onFrame(type: number, flags: number, id: number, source: Buffer, start: number, end: number): void {
    switch (type) {
      case FrameType.HEADERS:
        return this.#onHeaders(id, flags, source, start, end);
      case FrameType.DATA:
        return this.#onData(id, flags, source.subarray(start, end));
      case FrameType.RST_STREAM:
        return this.#onReset(id);
      case FrameType.WINDOW_UPDATE:
        return this.#onWindow(id, source.readUInt32BE(start));
      case FrameType.SETTINGS:
        if ((flags & Flag.ACK) === 0) this.#onSettings(source, start, end);
        return;
      case FrameType.PING:
        return this.#onPing(flags, source.subarray(start, end));
      default:
    }
  }

  #onHeaders(id: number, flags: number, source: Buffer, start: number, end: number): void {
    // Each block changes the table, wanted or not.
    const { fields } = this.#hpack.decode(source, start, end);
    if (id > this.#lastTaken) return;
    this.#lastStream = id;
    const stream = new ServerStream(id, fields, this.#streamWindow);
    this.streams.set(id, stream);
    stream.isHalfClosed = (flags & Flag.END_STREAM) !== 0;
    this.#process.onCall(this, stream);
    if (stream.isHalfClosed && !stream.isOver) this.#process.onMessages(this, stream, 0);
  }

  #onData(id: number, flags: number, payload: Buffer): void {
    this.#unreturned += payload.length;
    if (this.#unreturned >= RETURN_BYTES) {
      this.#write(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(this.#unreturned)));
      this.#unreturned = 0;
    }
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    stream.isHalfClosed = (flags & Flag.END_STREAM) !== 0;
    stream.unreturned += payload.length;
    if (!stream.isHalfClosed && stream.unreturned >= RETURN_BYTES / 2) {
      this.#write(frame(FrameType.WINDOW_UPDATE, 0, id, uint32(stream.unreturned)));
      stream.unreturned = 0;
    }
    const count = stream.messages.count(payload);
    stream.received += count;
    if (count > 0 || stream.isHalfClosed) this.#process.onMessages(this, stream, count);
  }

  #onReset(id: number): void {
    const { hasResetPolice } = this.#process;
    if (hasResetPolice && this.#resets.onReset(this.#process.nowMs())) {
      this.#process.onPolice('resets');
      return this.#leave(ErrorCode.ENHANCE_YOUR_CALM, '', true);
    }
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    this.#forget(stream);
    stream.onGone?.();
    this.#closeIfDone();
  }

  #onWindow(id: number, bytes: number): void {
    if (id === 0) this.#window += bytes;
    else {
      const stream = this.streams.get(id);
      if (stream !== undefined) stream.window += bytes;
    }
    for (const stream of this.streams.values()) if (stream.pending.length > 0) this.#pump(stream);
  }

  #onSettings(source: Buffer, start: number, end: number): void {
    for (let at = start; at < end; at += 6) {
      if (source.readUInt16BE(at) !== Setting.INITIAL_WINDOW_SIZE) continue;
      const window = source.readUInt32BE(at + 2);
      for (const stream of this.streams.values()) stream.window += window - this.#streamWindow;
      this.#streamWindow = window;
    }
    this.#write(frame(FrameType.SETTINGS, Flag.ACK, 0));
    for (const stream of this.streams.values()) if (stream.pending.length > 0) this.#pump(stream);
  }

  #onPing(flags: number, payload: Buffer): void {
    if ((flags & Flag.ACK) !== 0) {
      if (payload.equals(GOAWAY_PING)) this.#leave(ErrorCode.NO_ERROR, '');
      return;
    }
    this.#write(frame(FrameType.PING, Flag.ACK, 0, payload));
    if (!this.#process.hasPingPolice || !this.#pings.onPing(this.#process.nowMs(), this.streams.size)) return;
    this.#process.onPolice('pings');
    this.#leave(ErrorCode.ENHANCE_YOUR_CALM, 'too_many_pings', true);
  }

  #head(stream: ServerStream): void {
    if (stream.hasHead) return;
    stream.hasHead = true;
    this.#pings.isForgiven = true;
    this.#write(frame(FrameType.HEADERS, Flag.END_HEADERS, stream.id, this.#blocks.head));
  }

  /** Sends what the windows allow, and the trailers behind it. */
  #pump(stream: ServerStream): void {
    this.#head(stream);
    while (stream.pending.length > 0) {
      const first = stream.pending[0]!;
      const count = Math.min(first.length, this.#window, stream.window, MAX_FRAME_BYTES);
      if (count <= 0) return;
      this.#window -= count;
      stream.window -= count;
      this.#pings.isForgiven = true;
      this.#write(frame(FrameType.DATA, 0, stream.id, first.subarray(0, count)));
      if (count === first.length) stream.pending.shift();
      else stream.pending[0] = first.subarray(count);
    }
    if (!stream.isAnswered) return;
    const flags = Flag.END_HEADERS | Flag.END_STREAM;
    this.#end(stream, frame(FrameType.HEADERS, flags, stream.id, this.#blocks.ok));
  }

  #end(stream: ServerStream, last: Buffer): void {
    this.#pings.isForgiven = true;
    this.#write(last);
    this.#forget(stream);
    this.#closeIfDone();
  }

  #forget(stream: ServerStream): void {
    stream.isOver = true;
    this.streams.delete(stream.id);
  }

  #leave(errorCode: number, debug: string, atOnce = false): void {
    if (this.#leaves || this.#isOver) return;
    this.#leaves = true;
    this.#lastTaken = this.#lastStream;
    this.#write(goAway(this.#lastStream, errorCode, debug));
    if (atOnce) this.#close();
    else this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.#leaves && this.streams.size === 0) this.#close();
  }

  #close(): void {
    this.#flush();
    this.#socket.serverEnd();
    this.#over();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#out = [];
    const open = [...this.streams.values()];
    this.streams.clear();
    for (const stream of open) {
      stream.isOver = true;
      stream.onGone?.();
    }
    this.#process.onGone(this);
  }

  /** What is written within `fn` leaves in one write. */
  #together(fn: () => void): void {
    this.#nesting += 1;
    fn();
    this.#nesting -= 1;
    if (this.#nesting === 0) this.#flush();
  }

  #write(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#out.push(bytes);
    if (this.#nesting === 0) this.#flush();
  }

  #flush(): void {
    const out = this.#out;
    if (out.length === 0) return;
    this.#out = [];
    this.#socket.serverWrite(out.length === 1 ? out[0]! : Buffer.concat(out));
  }
}
