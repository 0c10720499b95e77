import { EventEmitter } from 'node:events';
import type { Dice } from '../dice.ts';
import { type Engine, Phase } from '../engine.ts';
import type { Link } from './link.ts';
import { Pipe, type PipeReader } from './pipe.ts';

/** When a SYN is sent again (Linux). */
const SYN_AGAIN_MS = [1_000, 3_000, 7_000, 15_000];
/** TCP's keepalive: probes a second apart, as podwire's engine expects of the system, and how many may fail. */
const PROBE_EVERY_MS = 1_000;
const PROBES = 10;

/** The server's process, as its kernel gives it a connection. */
export interface ServerSide extends PipeReader {
  /** The client's kernel reset the connection, or said that there is none. */
  onReset(): void;
}

/** The other host, as far as a connection knows it. */
export interface SimHost {
  readonly link: Link;
  /** A SYN arrived: the connection's server side, `refused` when nothing listens, `silent` when nothing answers. */
  accept(socket: SimSocket): ServerSide | 'refused' | 'silent';
  /** The connection is over for the client's kernel. */
  onGone(socket: SimSocket): void;
}

/**
 * Both ends of one simulated TCP connection. As an emitter it is the client's end: as much of a socket of Node as podwire's HTTP/2 engine
 * uses. The server's end are the methods whose names begin with `server`.
 */
export class SimSocket extends EventEmitter {
  writableLength = 0;
  readonly localAddress = 'sim';
  destroyed = false;
  readonly host: SimHost;
  readonly #engine: Engine;
  readonly #dice: Dice;
  readonly #cutPercent: number;
  #server: ServerSide | undefined;
  #there: Pipe | undefined;
  #back: Pipe | undefined;
  #isOpen = false;
  #endsWhenWritten = false;
  #probesLeft = PROBES;

  constructor(engine: Engine, dice: Dice, host: SimHost, cutPercent: number) {
    super();
    this.#engine = engine;
    this.#dice = dice;
    this.host = host;
    this.#cutPercent = cutPercent;
    this.#knock();
    for (const delayMs of SYN_AGAIN_MS)
      engine.after(delayMs, () => {
        if (!this.#isOpen && !this.destroyed && this.#server === undefined) this.#knock();
      });
  }

  /** Bytes that the client wrote and its kernel has not taken are counted by `writableLength`. */
  write(bytes: Uint8Array, taken?: () => void): void {
    if (this.destroyed) return;
    const copy = Buffer.from(bytes);
    this.writableLength += copy.length;
    const done = () => {
      this.writableLength -= copy.length;
      taken?.();
      if (this.#endsWhenWritten && this.writableLength === 0) this.destroy();
    };
    const isTaken = this.#there?.write(copy, () => this.#inClient(done)) ?? false;
    if (isTaken) process.nextTick(done);
  }

  destroySoon(): void {
    this.#endsWhenWritten = true;
    if (this.writableLength === 0) this.destroy();
  }

  end(): void {
    this.#there?.end();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.host.onGone(this);
    this.#back?.break();
    if (this.writableLength === 0) this.#there?.end();
    else this.#resetServer();
    this.#engine.inClient(Phase.CHECK, 0, () => this.emit('close'));
  }

  cork(): void {}
  uncork(): void {}

  /** The kernel asks the other one whether the connection is still there, once it was silent for so long. */
  setKeepAlive(on: boolean, silentMs: number): void {
    if (!on) return;
    const probe = () => {
      if (this.destroyed) return;
      this.#probesLeft -= 1;
      if (this.#probesLeft === 0) return this.#fail('read ETIMEDOUT', 'ETIMEDOUT');
      this.host.link.there.once(() => {
        if (this.#server === undefined) return;
        this.host.link.back.once(() => {
          this.#probesLeft = PROBES;
        });
      });
      this.#engine.after(PROBE_EVERY_MS, probe);
    };
    this.#engine.after(silentMs, probe);
  }

  /** Bytes of the server. */
  serverWrite(bytes: Buffer): void {
    this.#back?.write(bytes, () => {});
  }

  /** The server's process ends the connection in order: bytes that it wrote arrive. */
  serverEnd(): void {
    this.#back?.end();
  }

  /** The server's kernel resets the connection. */
  serverReset(): void {
    this.serverVanish();
    this.host.link.back.once(() => this.#fail('read ECONNRESET', 'ECONNRESET'));
  }

  /** The server's host is gone, and says nothing; a packet that reaches it later, when it is back, is answered by a reset. */
  serverVanish(): void {
    this.#server = undefined;
    this.#back?.break();
  }

  /** The server's process reads again. */
  serverResume(): void {
    this.#there?.resume();
  }

  /** Whether bytes of the client lie in the server's kernel. */
  get serverHasUnread(): boolean {
    return this.#there?.hasUnread ?? false;
  }

  #knock(): void {
    const { host } = this;
    host.link.there.syn(() => {
      if (this.#isOpen || this.destroyed || this.#server !== undefined) return;
      const server = host.accept(this);
      if (server === 'silent') return;
      if (server === 'refused') {
        host.link.back.once(() => this.#fail('connect ECONNREFUSED', 'ECONNREFUSED'));
        return;
      }
      this.#server = server;
      this.#establish(server);
      host.link.back.once(() => this.#inClient(() => this.#onConnect()));
      // The server's kernel answers again until it hears of us.
      for (const delayMs of SYN_AGAIN_MS)
        this.#engine.after(delayMs, () => {
          if (!this.#isOpen && this.#server !== undefined)
            host.link.back.once(() => this.#inClient(() => this.#onConnect()));
        });
    });
  }

  #establish(server: ServerSide): void {
    const { link } = this.host;
    const [engine, dice] = [this.#engine, this.#dice];
    const isForgotten = () => this.#server === undefined;
    const reader: PipeReader = {
      get reads() {
        return isForgotten() || server.reads;
      },
      onPoll: (delayMs, fn) => server.onPoll(delayMs, fn),
      onBytes: (bytes) => {
        if (this.#server !== undefined) server.onBytes(bytes);
        // Its host has forgotten the connection.
        else this.#unknown();
      },
      onEnd: () => this.#server !== undefined && server.onEnd(),
    };
    this.#there = new Pipe(engine, dice, link.there, link.back, reader, this.#cutPercent);
    const client: PipeReader = {
      reads: true,
      onPoll: (delayMs, fn) => engine.inClient(Phase.POLL, delayMs, fn),
      onBytes: (bytes) => {
        if (this.destroyed) return;
        this.#probesLeft = PROBES;
        this.emit('data', bytes);
      },
      onEnd: () => this.#onEnd(),
    };
    this.#back = new Pipe(engine, dice, link.back, link.there, client, this.#cutPercent);
  }

  #onConnect(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.emit('connect');
  }

  /** As a socket of Node that is not half-open: it closes its own side as well. */
  #onEnd(): void {
    if (this.destroyed) return;
    this.emit('end');
    process.nextTick(() => this.destroySoon());
  }

  #unknown(): void {
    this.#there?.break();
    this.host.link.back.once(() => this.#fail('read ECONNRESET', 'ECONNRESET'));
  }

  #resetServer(): void {
    this.#there?.break();
    this.host.link.there.once(() => this.#server?.onReset());
  }

  #fail(message: string, code: string): void {
    this.#inClient(() => {
      this.#there?.break();
      this.#back?.break();
      this.writableLength = 0;
      this.emit('error', Object.assign(new Error(message), { code }));
      this.destroy();
    });
  }

  /** When the client's process looks at its sockets; not once it has destroyed this one. */
  #inClient(fn: () => void): void {
    this.#engine.inClient(Phase.POLL, 0, () => {
      if (!this.destroyed) fn();
    });
  }
}
