const MIB = 1024 * 1024;

/** While more bytes than this are unread, on one connection or in the whole process, streams have the smallest window. */
const MAX_UNREAD_PER_CONNECTION = 16 * MIB;
const MAX_UNREAD = 32 * MIB;
/** The most by which all windows of the process together may grow beyond the size that streams start with. */
const MAX_GROWTH = 32 * MIB;

/** How many bytes this process holds for callers that do not read, and by how much windows have grown. All connections share it. */
class ReceiveBudget {
  unreadBytes = 0;
  grownBytes = 0;

  /**
   * How much a window may grow: at most half of what is left, so that streams that began to read long ago leave some for
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

  /** Counts bytes that callers left unread; negative for bytes that they read. True when `tight` changed. */
  add(bytes: number): boolean {
    this.#bytes += bytes;
    receiveBudget.unreadBytes += bytes;
    return this.check();
  }

  /** Works out `tight` anew; true when it changed. Other connections may be the cause. It ends at half of the bytes at which it begins. */
  check(): boolean {
    const part = this.tight ? 0.5 : 1;
    const over =
      this.#bytes > part * MAX_UNREAD_PER_CONNECTION || receiveBudget.unreadBytes > part * MAX_UNREAD;
    if (over === this.tight) return false;
    this.tight = over;
    return true;
  }
}

/** The receive window that streams start with: room for a message of 64 KiB in frames of 16 KiB. */
export const START_WINDOW_BYTES = 80 * 1024;
/** The receive window while too much is unread: one frame of the size that every peer may send, so that every call goes on. */
export const SMALLEST_WINDOW_BYTES = 16 * 1024;
