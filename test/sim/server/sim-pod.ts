import type { Dice } from '../dice.ts';
import type { Engine } from '../engine.ts';
import { type Link, Way } from '../net/link.ts';
import type { ServerSide, SimHost, SimSocket } from '../net/sim-socket.ts';
import type { Kind } from './kinds.ts';
import { type ProcessWatcher, SimProcess } from './sim-process.ts';

/** What a Pod tells the simulation besides what its processes do. */
export interface PodWatcher extends ProcessWatcher {
  /** Whether it would serve a call now; called when that changes. */
  onAble(pod: SimPod, able: boolean): void;
}

/** An address with a host behind it, a link to it, and at times a process that listens there. */
export class SimPod implements SimHost {
  readonly id: string;
  readonly kind: Kind;
  readonly link: Link;
  /** Undefined while nothing listens. */
  process: SimProcess | undefined;
  readonly sockets = new Set<SimSocket>();
  /** It takes connections and closes them at once. */
  closesAtOnce = false;
  readonly #engine: Engine;
  readonly #dice: Dice;
  readonly #watcher: PodWatcher;
  #processes = 0;
  #wasAble = false;
  #processCuts = false;

  constructor(id: string, kind: Kind, latencyMs: number, engine: Engine, dice: Dice, watcher: PodWatcher) {
    this.id = id;
    this.kind = kind;
    this.#engine = engine;
    this.#dice = dice;
    this.#watcher = watcher;
    this.link = { there: new Way(engine, dice, latencyMs), back: new Way(engine, dice, latencyMs) };
  }

  /** A process begins to listen. */
  start(): void {
    if (this.process !== undefined) return;
    if (this.#processCuts) this.#power(true);
    this.#processes += 1;
    this.process = new SimProcess(
      this.id,
      this.kind,
      this.#processes,
      this.#engine,
      this.#dice,
      this.#watcher,
    );
    this.look();
  }

  /** SIGKILL. */
  kill(): void {
    this.process?.die();
    this.process = undefined;
    this.look();
  }

  /** The host loses power: no packet says so. `start` brings it back, with another process. */
  powerOff(): void {
    this.process?.vanish();
    this.process = undefined;
    this.#power(false);
    this.look();
  }

  accept(socket: SimSocket): ServerSide | 'refused' | 'silent' {
    const { process } = this;
    if (process === undefined) return 'refused';
    const connection = process.accept(socket);
    if (this.closesAtOnce) this.#engine.after(1, () => connection.die());
    return connection;
  }

  onGone(socket: SimSocket): void {
    this.sockets.delete(socket);
  }

  /** Whether it would serve a call now. */
  get isAble(): boolean {
    const { there, back } = this.link;
    const isOpen = (way: Way) => !way.isCut && way.lostSynPercent === 0 && way.bytesPerMs > 1_000;
    return (this.process?.isWell ?? false) && !this.closesAtOnce && isOpen(there) && isOpen(back);
  }

  /** Call it after a change: tells the simulation whether it serves. */
  look(): void {
    if (this.isAble === this.#wasAble) return;
    this.#wasAble = this.isAble;
    this.#watcher.onAble(this, this.isAble);
  }

  #power(on: boolean): void {
    this.#processCuts = !on;
    for (const way of [this.link.there, this.link.back]) {
      if (on) way.heal();
      else way.cut();
    }
  }
}
