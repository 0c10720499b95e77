import {
  receiveBudget,
  SMALLEST_WINDOW_BYTES,
  START_WINDOW_BYTES,
  UnreadBytes,
} from '../../connection/receive-budget.ts';
import { ErrorCode } from '../../error-codes.ts';
import { ConnectionError } from '../frames/connection-error.ts';
import { DEFAULT_WINDOW_BYTES, Setting, settingsFrame } from '../frames/settings.ts';
import type { Pings } from '../pings.ts';
import type { StreamTable } from '../stream-table.ts';
import { Bandwidth } from './bandwidth.ts';
import type { Sender } from './sender.ts';

/** Beyond it, one more round trip for a message makes no difference. */
const MAX_EXPECTED_BYTES = 4 * 1024 * 1024;
/** What is left of an expectation after each stream that it was made for. */
const KEPT = 15 / 16;

/** Of a connection: enough for the largest window of a stream. */
const WINDOW_BYTES = 16 * 1024 * 1024;

/**
 * Receive-side flow control of a connection. All that arrives is given back to the connection's window at once: what a
 * caller does not read is held back by the window of its stream, and must not stop the other streams. While too
 * much is unread, the windows of all streams are made small, those that are open as well (RFC 9113 §6.9.2).
 */
export class Inflow {
  /** The window that new streams start with. */
  streamWindow = START_WINDOW_BYTES;
  /** By so much more the peer may send on each stream, because it may not know yet that windows are smaller. */
  graceBytes = 0;
  readonly bandwidth: Bandwidth;
  /** How long the messages were that callers of late waited for, where they were longer than a window. */
  #expectedBytes = 0;
  readonly #unread = new UnreadBytes();
  readonly #sender: Sender;
  readonly #streams: StreamTable;
  /** SETTINGS that the peer has not acknowledged. */
  #unacknowledged = 0;
  /** Left of the connection's window. */
  #left = DEFAULT_WINDOW_BYTES;

  constructor(sender: Sender, pings: Pings, streams: StreamTable) {
    this.#sender = sender;
    this.bandwidth = new Bandwidth(pings);
    this.#streams = streams;
  }

  /** Goes from the protocol's default to ours; follows our first SETTINGS. */
  begin(): void {
    this.#unacknowledged += 1;
    this.#sender.windowUpdate(0, WINDOW_BYTES - this.#left);
    this.#left = WINDOW_BYTES;
  }

  onData(counted: number): void {
    this.bandwidth.hasData = true;
    this.#left -= counted;
    if (this.#left < 0) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'more DATA than the connection window allows');
    }
    if (this.#left * 4 > WINDOW_BYTES * 3) return;
    this.#sender.windowUpdate(0, WINDOW_BYTES - this.#left);
    this.#left = WINDOW_BYTES;
  }

  /** So much more, or less, lies in the streams for callers that do not read. */
  onUnread(bytes: number): void {
    if (this.#unread.add(bytes) && !this.#sender.stopped) this.#resize();
  }

  /** A caller waits for a message so long. */
  onLongMessage(bytes: number): void {
    this.#expectedBytes = Math.min(MAX_EXPECTED_BYTES, Math.max(this.#expectedBytes, bytes));
  }

  /** By what the window of a stream should be larger whose caller begins to read: as long messages may come as before. */
  headStart(): number {
    if (this.#expectedBytes <= this.streamWindow || this.#unread.tight) return 0;
    const bytes = this.#expectedBytes - this.streamWindow;
    this.#expectedBytes *= KEPT;
    return receiveBudget.growth(Math.floor(bytes));
  }

  /** Before a stream is opened: other connections may have come to hold less, or more. */
  check(): void {
    if (this.#unread.check()) this.#resize();
  }

  /** False when there was nothing to acknowledge. */
  onAcknowledged(): boolean {
    if (this.#unacknowledged === 0) return false;
    this.#unacknowledged -= 1;
    if (this.#unacknowledged === 0) this.graceBytes = 0;
    return true;
  }

  #resize(): void {
    const before = this.streamWindow;
    this.streamWindow = this.#unread.tight ? SMALLEST_WINDOW_BYTES : START_WINDOW_BYTES;
    this.graceBytes = START_WINDOW_BYTES - SMALLEST_WINDOW_BYTES;
    this.#unacknowledged += 1;
    this.#sender.raw(settingsFrame([[Setting.INITIAL_WINDOW_SIZE, this.streamWindow]]));
    for (const stream of this.#streams.all()) stream.moveReceiveWindow(this.streamWindow - before);
  }
}
