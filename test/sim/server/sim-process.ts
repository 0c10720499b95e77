import type { Dice } from '../dice.ts';
import type { Engine } from '../engine.ts';
import type { SimSocket } from '../net/sim-socket.ts';
import { ErrorCode } from './frames.ts';
import type { Kind } from './kinds.ts';
import { ServerConnection, type ServerProcess } from './server-connection.ts';
import type { ServerStream } from './server-stream.ts';

/** How a call fails that its server fails. */
export type Failure =
  | { readonly way: 'code'; readonly code: number; readonly pushbackMs?: number }
  | { readonly way: 'reset' }
  | { readonly way: 'refuse' }
  | { readonly way: 'proxy' };

/** What a process tells the simulation. */
export interface ProcessWatcher {
  onServe(process: SimProcess, stream: ServerStream): void;
  onPolice(process: SimProcess, what: string): void;
  /** It ends a connection in order. */
  onGoAway(process: SimProcess): void;
}

/** One call that waits for a worker, or has one. */
interface Job {
  readonly connection: ServerConnection;
  readonly stream: ServerStream;
  isCancelled: boolean;
}

const BODY = Buffer.from('ok');

/** The process of a Pod: its workers, its queue, its connections, and what is wrong with it. */
export class SimProcess implements ServerProcess {
  readonly pod: string;
  readonly kind: Kind;
  readonly number: number;
  readonly connections = new Set<ServerConnection>();
  /** Stopped: its kernel still takes connections and bytes. */
  isFrozen = false;
  /** It answers PINGs, and never a call. */
  isHung = false;
  isSilent = false;
  slowness = 1;
  failPercent = 0;
  failure: Failure = { way: 'code', code: 14 };
  maxStreams: number | undefined;
  readonly #engine: Engine;
  readonly #dice: Dice;
  readonly #watcher: ProcessWatcher;
  #busy = 0;
  #queue: Job[] = [];
  #hung: Job[] = [];
  #isDead = false;

  constructor(pod: string, kind: Kind, number: number, engine: Engine, dice: Dice, watcher: ProcessWatcher) {
    this.pod = pod;
    this.kind = kind;
    this.number = number;
    this.#engine = engine;
    this.#dice = dice;
    this.#watcher = watcher;
    this.maxStreams = kind.maxStreams;
  }

  get reads(): boolean {
    return !this.isFrozen;
  }

  get hasPingPolice(): boolean {
    return this.kind.hasPingPolice ?? false;
  }

  get hasResetPolice(): boolean {
    return this.kind.hasResetPolice ?? false;
  }

  get keepsHeaders(): boolean {
    return this.kind.keepsHeaders ?? false;
  }

  /** Whether calls that come now are served. */
  get isWell(): boolean {
    return (
      !this.#isDead &&
      !this.isFrozen &&
      !this.isHung &&
      !this.isSilent &&
      this.slowness === 1 &&
      this.failPercent === 0 &&
      this.maxStreams === this.kind.maxStreams
    );
  }

  nowMs(): number {
    return this.#engine.nowMs();
  }

  later(delayMs: number, fn: () => void): void {
    this.#engine.after(delayMs, fn);
  }

  accept(socket: SimSocket): ServerConnection {
    const connection = new ServerConnection(this, socket);
    this.connections.add(connection);
    const { maxAgeMs } = this.kind;
    // ±10 %, as in grpc-go.
    if (maxAgeMs !== undefined)
      this.#engine.after(maxAgeMs * (0.9 + 0.2 * this.#dice.random()), () => this.#goAway(connection));
    return connection;
  }

  /** It is killed: its kernel ends the connections. */
  die(): void {
    this.#isDead = true;
    for (const connection of [...this.connections]) connection.die();
  }

  /** Its host loses power. */
  vanish(): void {
    this.#isDead = true;
    for (const connection of [...this.connections]) connection.vanish();
  }

  freeze(): void {
    this.isFrozen = true;
  }

  thaw(): void {
    this.isFrozen = false;
    for (const connection of [...this.connections]) connection.resume();
  }

  hang(): void {
    this.isHung = true;
  }

  /** Answers all that it has. */
  recover(): void {
    this.isHung = false;
    const hung = this.#hung;
    this.#hung = [];
    for (const job of hung) this.#begin(job);
  }

  goAway(): void {
    for (const connection of [...this.connections]) this.#goAway(connection);
  }

  limitStreams(count: number | undefined): void {
    this.maxStreams = count;
    for (const connection of this.connections) connection.limitStreams(count ?? 0x7fffffff);
  }

  onCall(connection: ServerConnection, stream: ServerStream): void {
    const { failure } = this;
    if (this.failPercent > 0 && failure.way === 'refuse' && this.#dice.percent(this.failPercent))
      return connection.resetStream(stream, ErrorCode.REFUSED_STREAM);
    this.#watcher.onServe(this, stream);
    const { timeoutMs } = stream;
    if (timeoutMs !== undefined && this.kind.endsLate === true)
      this.#engine.after(timeoutMs, () => this.#isDead || connection.fail(stream, 4));
  }

  onMessages(connection: ServerConnection, stream: ServerStream, count: number): void {
    if (this.isHung) {
      if (stream.isHalfClosed) this.#hung.push({ connection, stream, isCancelled: false });
      return;
    }
    // Each message is answered by one.
    if (stream.path.endsWith('Chat')) {
      for (let i = 0; i < count; i++) connection.send(stream, BODY);
      if (stream.isHalfClosed) connection.finish(stream);
      return;
    }
    if (!stream.isHalfClosed) return;
    const job: Job = { connection, stream, isCancelled: false };
    stream.onGone = () => {
      job.isCancelled = true;
    };
    if (this.#busy < this.kind.workers) this.#begin(job);
    else this.#queue.push(job);
  }

  onPolice(what: 'pings' | 'resets'): void {
    this.#watcher.onPolice(this, what);
  }

  onGone(connection: ServerConnection): void {
    this.connections.delete(connection);
  }

  #goAway(connection: ServerConnection): void {
    if (!this.connections.has(connection)) return;
    this.#watcher.onGoAway(this);
    connection.goAway(this.kind.goesTwice ?? false);
  }

  #begin(job: Job): void {
    const [least, most] = this.kind.serviceMs;
    this.#busy += 1;
    const forMs = (least + (most - least) * this.#dice.random()) * this.slowness;
    this.#work(job, forMs);
  }

  #work(job: Job, forMs: number): void {
    this.#engine.after(forMs, () => {
      // A process that stands still goes on later.
      if (this.isFrozen && !this.#isDead) return this.#work(job, 20);
      this.#busy -= 1;
      if (this.#isDead) return;
      if (!job.isCancelled && this.isHung) this.#hung.push(job);
      else if (!job.isCancelled) this.#answer(job);
      this.#next();
    });
  }

  #next(): void {
    while (this.#queue.length > 0 && this.#busy < this.kind.workers) {
      const job = this.#queue.shift()!;
      if (!job.isCancelled || !this.kind.cancels) this.#begin(job);
    }
  }

  #answer({ connection, stream }: Job): void {
    if (this.failPercent > 0 && this.#dice.percent(this.failPercent)) return this.#fail(connection, stream);
    const { messages, bytes } = stream.wanted;
    if (messages === 1 && bytes === BODY.length) return connection.reply(stream, BODY);
    const body = Buffer.alloc(bytes, 'x');
    for (let i = 1; i < messages; i++) connection.send(stream, body);
    connection.reply(stream, body);
  }

  #fail(connection: ServerConnection, stream: ServerStream): void {
    const { failure } = this;
    if (failure.way === 'code') connection.fail(stream, failure.code, failure.pushbackMs);
    else if (failure.way === 'reset') connection.resetStream(stream, ErrorCode.INTERNAL_ERROR);
    else if (failure.way === 'proxy') connection.failAsProxy(stream);
    else connection.reply(stream, BODY);
  }
}
