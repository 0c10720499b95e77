import type { Clock } from '@podwire/core';
import type { Dice } from '../dice.ts';

/** The first wait before a lost segment is sent again (RFC 6298 §2.4 with Linux's minimum), doubled each time. */
const RETRANSMIT_MS = 200;

/** One way between two hosts. */
export class Way {
  readonly #clock: Clock;
  readonly #dice: Dice;
  /** The least time that a packet takes, and how much longer it may take. */
  latencyMs: number;
  jitterMs = 0;
  /** Infinity is a network that is never the bottleneck. */
  bytesPerMs = Number.POSITIVE_INFINITY;
  /** Of a hundred packets that open a connection, so many are lost. */
  lostSynPercent = 0;
  #cutSinceMs: number | undefined;
  /** Packets that TCP will send again. */
  #held: (() => void)[] = [];

  constructor(clock: Clock, dice: Dice, latencyMs: number) {
    this.#clock = clock;
    this.#dice = dice;
    this.latencyMs = latencyMs;
  }

  get isCut(): boolean {
    return this.#cutSinceMs !== undefined;
  }

  /** Nothing comes through any more. */
  cut(): void {
    this.#cutSinceMs ??= this.#clock.nowMs();
  }

  /** What TCP held comes through at its next attempt: the longer the cut, the longer that may take. */
  heal(): void {
    if (this.#cutSinceMs === undefined) return;
    const cutMs = this.#clock.nowMs() - this.#cutSinceMs;
    this.#cutSinceMs = undefined;
    const held = this.#held;
    this.#held = [];
    const waitMs = this.#dice.random() * Math.max(cutMs, RETRANSMIT_MS);
    this.#clock.after(waitMs, () => {
      for (const arrive of held) this.reliable(arrive);
    });
  }

  /** How long a packet of so many bytes takes now. */
  delayMs(bytes: number): number {
    const jitter = this.jitterMs === 0 ? 0 : this.#dice.random() * this.jitterMs;
    return this.latencyMs + jitter + bytes / this.bytesPerMs;
  }

  /** Arrives now, or when the way is open again. */
  reliable(arrive: () => void): void {
    if (this.isCut) this.#held.push(arrive);
    else arrive();
  }

  /** A packet that nothing repeats: `arrive` is called unless it is lost. */
  once(arrive: () => void): void {
    if (this.isCut) return;
    this.#clock.after(this.delayMs(0), () => {
      if (!this.isCut) arrive();
    });
  }

  /** The same for one that opens a connection. */
  syn(arrive: () => void): void {
    if (this.lostSynPercent === 0 || !this.#dice.percent(this.lostSynPercent)) this.once(arrive);
  }
}

/** The network between the client and one Pod, both ways. */
export interface Link {
  readonly there: Way;
  readonly back: Way;
}
