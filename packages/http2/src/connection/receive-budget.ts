const MIB = 1024 * 1024;

/** Of one connection, and of all of the process: while more is unread, streams have the smallest window. */
const MAX_UNREAD_PER_CONNECTION = 16 * MIB;
const MAX_UNREAD = 32 * MIB;
/** By so much all windows of the process together may be larger than those that streams start with. */
const MAX_GROWTH = 32 * MIB;

/** What this process holds for callers that do not read, and by how much windows have grown: all connections share it. */
class ReceiveBudget {
  unreadBytes = 0;
  grownBytes = 0;

  /**
   * What a window may grow by. Half of what is left at most, so that streams which began to read long ago leave some to
   * those that begin later.
   */
  growth(wanted: number): number {
    return Math.max(0, Math.min(wanted, Math.floor((MAX_GROWTH - this.grownBytes) / 2)));
  }
}

export const receiveBudget = new ReceiveBudget();

/** Whether the callers of one connection leave too much unread; the budget of the process counts as well. */
export class UnreadBytes {
  /** Streams of this connection should hold the peer back as far as they can. */
  tight = false;
  #bytes = 0;

  /** More was left unread, or less; true when `tight` changed. */
  add(bytes: number): boolean {
    this.#bytes += bytes;
    receiveBudget.unreadBytes += bytes;
    return this.check();
  }

  /** Whether `tight` changed, because of what other connections hold perhaps. It goes back at half of what it began with. */
  check(): boolean {
    const part = this.tight ? 0.5 : 1;
    const over =
      this.#bytes > part * MAX_UNREAD_PER_CONNECTION || receiveBudget.unreadBytes > part * MAX_UNREAD;
    if (over === this.tight) return false;
    this.tight = over;
    return true;
  }
}

/** Streams start with this receive window: a message of 64 KiB with all that is around it, in frames of 16 KiB. */
export const START_WINDOW_BYTES = 80 * 1024;
/** While too much is unread: one frame of the size that every peer may send, so that everybody goes on. */
export const SMALLEST_WINDOW_BYTES = 16 * 1024;
