import type { Timer } from '@podwire/core';
import type { Side } from '../cluster/cluster.ts';
import type { OpenSide } from '../cluster/open-cluster.ts';
import type { Env } from '../env.ts';
import type { Mode } from '../options/mode.ts';

/** How long a new side may take to connect before the switch is given up. */
const SWITCH_TIMEOUT_MS = 10_000;

interface Pending {
  readonly mode: Mode;
  readonly open: OpenSide;
  readonly timer: Timer;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** What a switch needs of its channel. */
export interface SwitchOwner {
  readonly env: Env;
  open(mode: Mode): OpenSide;
  /** The new side is connected: new calls go there. The old one drains. */
  swap(open: OpenSide): void;
  onFailed(mode: Mode, error: Error): void;
  /** What the new side still waits for. */
  explain(open: OpenSide): string;
}

/** Moves a channel from one mode to the other without losing a call: the new side connects before it is used. */
export class ModeSwitch {
  readonly #owner: SwitchOwner;
  #pending: Pending | undefined;

  constructor(owner: SwitchOwner) {
    this.#owner = owner;
  }

  /** The mode that a switch under way leads to. */
  get target(): Mode | undefined {
    return this.#pending?.mode;
  }

  /**
   * Resolves when calls go the new way. Rejects if the new side did not connect or if another mode was requested meanwhile, so that the
   * caller never assumes a switch that did not happen. Asked for the same mode again it waits for the same switch.
   */
  to(mode: Mode, current: Mode): Promise<void> {
    if (this.#pending?.mode === mode) return this.#follow(this.#pending);
    this.cancel(`${mode} was asked for before it was done`);
    if (mode === current) return Promise.resolve();
    const open = this.#owner.open(mode);
    const done = new Promise<void>((resolve, reject) => {
      const timer = this.#owner.env.clock.after(SWITCH_TIMEOUT_MS, () => this.#fail());
      this.#pending = { mode, open, timer, resolve, reject };
    });
    // A caller that does not wait learns of a failure by the event.
    done.catch(() => {});
    this.onWarm(open.side);
    return done;
  }

  /** A side changed; when it is the one waited for, and ready for calls, it is taken. */
  onWarm(side: Side): void {
    const pending = this.#pending;
    if (pending?.open.side !== side || !side.warm) return;
    this.#pending = undefined;
    pending.timer.cancel();
    this.#owner.swap(pending.open);
    pending.resolve();
  }

  cancel(why: string): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    pending.timer.cancel();
    close(pending.open, why);
    pending.reject(new Error(`the switch to ${pending.mode} was given up: ${why}`));
  }

  #follow(pending: Pending): Promise<void> {
    const { resolve, reject } = pending;
    const done = new Promise<void>((also, alsoReject) => {
      this.#pending = {
        ...pending,
        resolve: () => {
          resolve();
          also();
        },
        reject: (error) => {
          reject(error);
          alsoReject(error);
        },
      };
    });
    done.catch(() => {});
    return done;
  }

  #fail(): void {
    const pending = this.#pending!;
    this.#pending = undefined;
    const why = `waited ${SWITCH_TIMEOUT_MS} ms for ${this.#owner.explain(pending.open)}`;
    const error = new Error(`the switch to ${pending.mode} was given up: ${why}`);
    close(pending.open, error.message);
    this.#owner.onFailed(pending.mode, error);
    pending.reject(error);
  }
}

function close(open: OpenSide, why: string): void {
  open.watch?.close();
  open.side.close(why);
}
