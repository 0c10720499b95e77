import { Setting, settingsFrame } from '../frames/settings.ts';
import type { Pings } from '../pings.ts';
import type { StreamTable } from '../stream-table.ts';
import { ReceiveWindow } from './receive-window.ts';
import type { Sender } from './sender.ts';

/** Receive-side flow control of a connection: gives windows back, and grows them while they hold the peer back. */
export class Inflow {
  readonly #window = new ReceiveWindow();
  readonly #sender: Sender;
  readonly #pings: Pings;
  readonly #streams: StreamTable;

  constructor(sender: Sender, pings: Pings, streams: StreamTable) {
    this.#sender = sender;
    this.#pings = pings;
    this.#streams = streams;
  }

  /** The window that new streams start with. */
  get streamWindow(): number {
    return this.#window.bandwidth.windowBytes;
  }

  /** Goes from the protocol's default to ours; follows our first SETTINGS. */
  begin(): void {
    this.#sender.windowUpdate(0, this.#window.grow());
  }

  onData(counted: number): void {
    this.#window.take(counted);
    const refill = this.#window.refill();
    if (refill === 0) return;
    this.#sender.windowUpdate(0, refill);
    if (this.#window.bandwidth.begin()) this.#pings.bandwidth(() => this.#onMeasured());
  }

  /** Every stream gets the larger window, those that are open as well (RFC 9113 §6.9.2). */
  #onMeasured(): void {
    const delta = this.#window.bandwidth.end();
    if (delta === 0) return;
    this.#sender.raw(settingsFrame([[Setting.INITIAL_WINDOW_SIZE, this.streamWindow]]));
    for (const stream of this.#streams.all()) stream.addReceiveWindow(delta);
    const more = this.#window.grow();
    if (more > 0) this.#sender.windowUpdate(0, more);
  }
}
