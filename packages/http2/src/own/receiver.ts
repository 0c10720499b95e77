import { ErrorCode } from '../error-codes.ts';
import type { Sender } from './flow/sender.ts';
import { ConnectionError } from './frames/connection-error.ts';
import { Cost } from './frames/flood-guard.ts';
import { Flag, FrameType, readUint32 } from './frames/frame.ts';
import type { FrameSink } from './frames/frame-reader.ts';
import { readSettings } from './frames/settings.ts';
import { HeaderCollector } from './headers/header-collector.ts';
import type { ResponseBlock } from './headers/response-block.ts';
import type { ResponseDecoder } from './headers/response-decoder.ts';
import type { StreamTable } from './stream-table.ts';

/**
 * How many WINDOW_UPDATE frames a peer may send for each DATA frame before they count as a flood: Envoy's default for
 * `max_inbound_window_update_frames_per_data_frame_sent`.
 */
const SPARE_UPDATES = 5;
const UPDATES_PER_STREAM = 2;
const UPDATES_PER_DATA = 20;

/** The connection, as received frames change it. */
export interface Session {
  /** Whether the peer's first SETTINGS are here. */
  readonly settled: boolean;
  readonly streams: StreamTable;
  readonly sender: Pick<Sender, 'dataFrames'>;
  spend(cost: number): void;
  applySetting(setting: number, value: number): void;
  /** All settings of one SETTINGS frame were applied. */
  onSettings(): void;
  /** The peer acknowledged the oldest of our unacknowledged SETTINGS. */
  onSettingsAcknowledged(): void;
  onPing(payload: Uint8Array): void;
  onPong(id: number): void;
  onGoaway(lastStreamId: number, errorCode: number, debugData: Uint8Array): void;
  /** The peer ended a stream that is not open here any more, by RST_STREAM or in order. */
  onLateEnd(id: number, reset: boolean): void;
  onWindow(bytes: number): void;
  /** Bytes for a call arrived. */
  onCallBytes(bytes: number): void;
  /** DATA arrived. The connection's receive window counts all of it, whichever stream it belongs to. */
  onDataBytes(counted: number): void;
}

/** What a HEADERS frame may hold besides one whole block. */
const NOT_BARE = Flag.END_HEADERS | Flag.PADDED | Flag.PRIORITY;

/** Interprets the frames of one connection by the rules of RFC 9113 §6; throws {@link ConnectionError}. */
export class Receiver implements FrameSink {
  readonly #session: Session;
  readonly #decoder: ResponseDecoder;
  readonly #headers: HeaderCollector;
  #windowUpdates = 0;
  #lateResets = 0;

  constructor(session: Session, decoder: ResponseDecoder, maxListBytes: number) {
    this.#session = session;
    this.#decoder = decoder;
    this.#headers = new HeaderCollector(maxListBytes, (id, source, start, end, endStream) =>
      this.#onBlock(id, source, start, end, endStream),
    );
  }

  onData(id: number, source: Buffer, start: number, end: number, counted: number, ends: boolean): void {
    if (this.#headers.open) throw protocolError('DATA in the middle of a header block');
    this.#session.onDataBytes(counted);
    const stream = this.#session.streams.get(id);
    if (stream !== undefined) stream.onData(source, start, end, counted, ends);
    else this.#onStray(id, 'DATA', this.#session.streams.resets.onData(id, counted, ends), ends);
  }

  onFrame(type: number, flags: number, id: number, source: Buffer, start: number, end: number): void {
    if (this.#headers.open && type !== FrameType.CONTINUATION) {
      throw protocolError('another frame in the middle of a header block');
    }
    if (!this.#session.settled && type !== FrameType.SETTINGS)
      throw protocolError('no SETTINGS to begin with');
    switch (type) {
      case FrameType.HEADERS:
        if (id === 0) throw protocolError('HEADERS on stream 0');
        // Nearly every frame holds one whole block and nothing else.
        if ((flags & NOT_BARE) === Flag.END_HEADERS)
          return this.#onBlock(id, source, start, end, (flags & Flag.END_STREAM) !== 0);
        return this.#headers.onHeaders(id, flags, source, start, end);
      case FrameType.CONTINUATION:
        return this.#headers.onContinuation(id, flags, source, start, end);
      case FrameType.SETTINGS:
        return this.#onSettings(flags, id, source, start, end);
      case FrameType.WINDOW_UPDATE:
        return this.#onWindowUpdate(id, source, start, end);
      case FrameType.PING:
        return this.#onPing(flags, id, source, start, end);
      case FrameType.RST_STREAM:
        return this.#onReset(id, source, start, end);
      case FrameType.GOAWAY:
        return this.#onGoaway(id, source, start, end);
      case FrameType.PUSH_PROMISE:
        throw protocolError('PUSH_PROMISE, which our SETTINGS forbid');
      case FrameType.PRIORITY:
        if (id === 0) throw protocolError('PRIORITY on stream 0');
        this.#session.spend(Cost.IDLE_FRAME);
        if (end - start !== 5) this.#failStream(id, ErrorCode.FRAME_SIZE_ERROR, 'PRIORITY of a wrong length');
        return;
      default:
        // Unknown types belong to extensions, and are ignored (RFC 9113 §5.5).
        this.#session.spend(Cost.IDLE_FRAME);
    }
  }

  #onBlock(id: number, source: Buffer, start: number, end: number, endStream: boolean): void {
    // The block is decoded even when no call waits for it, because it may change the table for later blocks.
    const block: ResponseBlock = this.#decoder.decode(source, start, end);
    this.#session.onCallBytes(end - start);
    const stream = this.#session.streams.get(id);
    if (stream !== undefined) return stream.onBlock(block, endStream);
    const isOversize = block.tooLargeBytes !== undefined;
    const late = this.#session.streams.resets.onHeaders(id, isOversize ? end - start : 0, endStream);
    if (!late && isOversize) this.#session.spend(Cost.OVERSIZE_LIST);
    this.#onStray(id, 'HEADERS', late, endStream);
  }

  /** A frame of a stream that is not open; `late`: it was sent before the peer knew. */
  #onStray(id: number, what: string, late: boolean, ends: boolean): void {
    if (ends) this.#session.onLateEnd(id, false);
    if (late) return;
    const { streams } = this.#session;
    if (streams.isIdle(id)) throw protocolError(`${what} on stream ${id}, which was never opened`);
    if (!streams.resets.has(id))
      throw new ConnectionError(ErrorCode.STREAM_CLOSED, `${what} on stream ${id}, which is closed`);
    this.#session.spend(Cost.TINY_DATA);
  }

  #onSettings(flags: number, id: number, source: Buffer, start: number, end: number): void {
    if (id !== 0) throw protocolError('SETTINGS on a stream');
    if ((flags & Flag.ACK) !== 0) {
      if (end !== start) throw sizeError('an acknowledgement of SETTINGS with a payload');
      if (!this.#session.settled) throw protocolError('no SETTINGS to begin with');
      return this.#session.onSettingsAcknowledged();
    }
    this.#session.spend(Cost.IDLE_FRAME);
    readSettings(source, start, end, (setting, value) => this.#session.applySetting(setting, value));
    this.#session.onSettings();
  }

  #onWindowUpdate(id: number, source: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw sizeError('WINDOW_UPDATE of a wrong length');
    const bytes = readUint32(source, start) & 0x7fffffff;
    this.#windowUpdates += 1;
    const { streams, sender } = this.#session;
    const honest = SPARE_UPDATES + UPDATES_PER_STREAM * streams.opened + UPDATES_PER_DATA * sender.dataFrames;
    if (this.#windowUpdates > honest) this.#session.spend(Cost.IDLE_FRAME);
    if (id === 0) {
      if (bytes === 0) throw protocolError('WINDOW_UPDATE of 0 bytes');
      return this.#session.onWindow(bytes);
    }
    const stream = streams.get(id);
    if (stream === undefined) {
      if (streams.isIdle(id)) throw protocolError(`WINDOW_UPDATE on stream ${id}, which was never opened`);
      return;
    }
    if (bytes === 0) stream.fail(ErrorCode.PROTOCOL_ERROR, 'WINDOW_UPDATE of 0 bytes');
    else if (!stream.addSendWindow(bytes)) {
      stream.fail(ErrorCode.FLOW_CONTROL_ERROR, 'a window above 2^31−1 bytes');
    }
  }

  #onPing(flags: number, id: number, source: Buffer, start: number, end: number): void {
    if (id !== 0) throw protocolError('PING on a stream');
    if (end - start !== 8) throw sizeError('PING of a wrong length');
    if ((flags & Flag.ACK) !== 0) return this.#session.onPong(readUint32(source, start + 4));
    this.#session.spend(Cost.IDLE_FRAME);
    this.#session.onPing(source.subarray(start, end));
  }

  #onReset(id: number, source: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw sizeError('RST_STREAM of a wrong length');
    if (id === 0 || this.#session.streams.isIdle(id)) {
      throw protocolError(`RST_STREAM on stream ${id}, which was never opened`);
    }
    const stream = this.#session.streams.get(id);
    if (stream !== undefined) return stream.onReset(readUint32(source, start));
    // One RST_STREAM for each stream is legitimate: it crossed ours, or tells after the trailers that the rest of the request is not needed.
    this.#lateResets += 1;
    this.#session.onLateEnd(id, true);
    if (this.#lateResets > this.#session.streams.opened) this.#session.spend(Cost.IDLE_FRAME);
  }

  #onGoaway(id: number, source: Buffer, start: number, end: number): void {
    if (id !== 0) throw protocolError('GOAWAY on a stream');
    if (end - start < 8) throw sizeError('GOAWAY of a wrong length');
    this.#session.spend(Cost.GOAWAY);
    const debugData = source.subarray(start + 8, end);
    this.#session.onGoaway(readUint32(source, start) & 0x7fffffff, readUint32(source, start + 4), debugData);
  }

  #failStream(id: number, errorCode: number, reason: string): void {
    const stream = this.#session.streams.get(id);
    if (stream !== undefined) return stream.fail(errorCode, reason);
    throw new ConnectionError(errorCode, reason);
  }
}

function protocolError(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, what);
}

function sizeError(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, what);
}
