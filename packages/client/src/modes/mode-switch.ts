import type { Timer } from '@podwire/core';
import type { Env } from '../env.ts';
import type { Mode } from '../options/mode.ts';

/** How long a new destination may take to connect before the switch is given up. */
const SWITCH_TIMEOUT_MS = 10_000;

/** The destination of a mode's calls, as far as a switch knows it. */
export interface Switchable {
  /** Whether calls may go there. */
  readonly warm: boolean;
  retire(): void;
  close(reason: string): void;
}

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

interface Pending<D> {
  readonly mode: Mode;
  readonly destination: D;
  readonly timer: Timer;
  readonly waiters: Set<Waiter>;
}

/** The channel, as far as a switch needs it. */
export interface SwitchOwner<D> {
  readonly env: Env;
  open(mode: Mode): D;
  /** The new destination is connected: new calls go there. The old one drains. */
  swap(destination: D): void;
  onFailed(mode: Mode, error: Error): void;
  /** Describes what the new destination still waits for. */
  explain(destination: D): string;
}

/** Moves a channel from one mode to the other without losing a call: the new destination connects before it is used. */
export class ModeSwitch<D extends Switchable> {
  readonly #owner: SwitchOwner<D>;
  #pending: Pending<D> | undefined;

  constructor(owner: SwitchOwner<D>) {
    this.#owner = owner;
  }

  /** The mode that a switch under way leads to. */
  get target(): Mode | undefined {
    return this.#pending?.mode;
  }

  /** Where that switch leads. */
  get destination(): D | undefined {
    return this.#pending?.destination;
  }

  /**
   * Resolves when calls go the new way. Rejects if the new destination did not connect or if another mode was requested meanwhile, so
   * that the caller never assumes a switch that did not happen. A second request for the same mode waits for the same switch.
   */
  to(mode: Mode, current: Mode): Promise<void> {
    if (this.#pending?.mode === mode) return waitFor(this.#pending.waiters);
    this.cancel(`${mode} was asked for before it was done`);
    if (mode === current) return Promise.resolve();
    const destination = this.#owner.open(mode);
    const timer = this.#owner.env.clock.after(SWITCH_TIMEOUT_MS, () => this.#fail());
    this.#pending = { mode, destination, timer, waiters: new Set() };
    const done = waitFor(this.#pending.waiters);
    this.look();
    return done;
  }

  /** Call it when something changed: the pending destination is taken into use if it is ready for calls. */
  look(): void {
    const pending = this.#pending;
    if (pending === undefined || !pending.destination.warm) return;
    this.#pending = undefined;
    pending.timer.cancel();
    this.#owner.swap(pending.destination);
    for (const { resolve } of pending.waiters) resolve();
  }

  cancel(why: string): void {
    const pending = this.#pending;
    if (pending !== undefined) this.#giveUp(pending, why, why);
  }

  #fail(): void {
    const pending = this.#pending!;
    const why = `waited ${SWITCH_TIMEOUT_MS} ms for ${this.#owner.explain(pending.destination)}`;
    this.#owner.onFailed(pending.mode, this.#giveUp(pending, why));
  }

  #giveUp({ mode, destination, timer, waiters }: Pending<D>, why: string, closedFor?: string): Error {
    this.#pending = undefined;
    timer.cancel();
    const error = new Error(`the switch to ${mode} was given up: ${why}`);
    destination.close(closedFor ?? error.message);
    for (const { reject } of waiters) reject(error);
    return error;
  }
}

function waitFor(waiters: Set<Waiter>): Promise<void> {
  const done = new Promise<void>((resolve, reject) => {
    waiters.add({ resolve, reject });
  });
  // A caller that does not await the promise learns of a failure by the event.
  done.catch(() => {});
  return done;
}
