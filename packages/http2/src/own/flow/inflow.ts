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
import { Bandwidth } from './bandwidth.ts';
import type { Sender } from './sender.ts';

/** For messages beyond this, one more round trip makes no difference. */
const MAX_EXPECTED_BYTES = 4 * 1024 * 1024;
/** The share of the expected length that is kept after each stream. */
const KEPT = 15 / 16;

/** The window of a connection: enough for the largest window of a stream. */
const WINDOW_BYTES = 16 * 1024 * 1024;

/** The streams of the connection. */
interface OpenStreams {
  all(): readonly { moveReceiveWindow(bytes: number): void }[];
}

/**
 * Receive-side flow control of a connection. Received bytes are returned to the connection's window at once: only the window of its
 * stream limits the data that a caller does not read, so that other streams go on. While too much is unread, the windows of all
 * streams are made small, open streams included (RFC 9113 §6.9.2).
 */
export class Inflow {
  /** The window that new streams start with. */
  streamWindow = START_WINDOW_BYTES;
  /** How much more the peer may send on each stream, because it may not yet know that windows are smaller. */
  graceBytes = 0;
  readonly bandwidth: Bandwidth;
  /** The expected length of messages: that of recent ones that were longer than a window and that callers waited for. */
  #expectedBytes = 0;
  readonly #unread = new UnreadBytes();
  readonly #sender: Sender;
  readonly #streams: OpenStreams;
  /** SETTINGS that the peer has not acknowledged. */
  #unacknowledged = 0;
  /** What remains of the connection's window. */
  #left = DEFAULT_WINDOW_BYTES;

  constructor(sender: Sender, pings: Pings, streams: OpenStreams) {
    this.#sender = sender;
    this.bandwidth = new Bandwidth(pings);
    this.#streams = streams;
  }

  /** Raises the connection's window from the protocol's default to ours; called after our first SETTINGS. */
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

  /** The streams hold `bytes` more, or fewer, that callers have not read. */
  onUnread(bytes: number): void {
    if (this.#unread.add(bytes) && !this.#sender.stopped) this.#resize();
  }

  /** A caller waits for a message of this length. */
  onLongMessage(bytes: number): void {
    this.#expectedBytes = Math.min(MAX_EXPECTED_BYTES, Math.max(this.#expectedBytes, bytes));
  }

  /** How much larger the window of a stream should be when its caller begins to read, since messages may be as long as before. */
  headStart(): number {
    if (this.#expectedBytes <= this.streamWindow || this.#unread.tight) return 0;
    const bytes = this.#expectedBytes - this.streamWindow;
    this.#expectedBytes *= KEPT;
    return receiveBudget.growth(Math.floor(bytes));
  }

  /** Called before a stream is opened: other connections may hold more or less by now. */
  check(): void {
    const mayChange = receiveBudget.unreadBytes > 0 || this.#unread.tight;
    if (mayChange && this.#unread.check()) this.#resize();
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
