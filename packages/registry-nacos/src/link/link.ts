import type { Timer } from '@podwire/core';
import { Configs } from '../config/configs.ts';
import { NacosError } from '../error.ts';
import { Naming } from '../naming/naming.ts';
import type { Settings } from '../options.ts';
import { Session } from '../rpc/session.ts';
import type { Server } from '../server.ts';
import { Login } from './login.ts';

/** A session with what is subscribed and followed on it. */
export interface Live {
  readonly session: Session;
  readonly naming: Naming;
  readonly configs: Configs;
}

/** Between switches to another server. */
const MOVE_GAP_MS = 5_000;

type Mover = (live: Live) => Promise<void>;

/**
 * The one connection to a Nacos cluster that all services of a namespace share. It is opened for the first user and
 * closed after the last; servers are tried in turn, from a random one on.
 */
export class Link {
  readonly #settings: Settings;
  readonly #namespace: string;
  readonly #login: Login;
  readonly #movers = new Set<Mover>();
  #first: number;
  #users = 0;
  #live: Live | undefined;
  #opening: Promise<Live> | undefined;
  /** Which session is to be left when the timer fires. */
  #moving: Live | undefined;
  #moveTimer: Timer | undefined;
  #moveAtMs = Number.NEGATIVE_INFINITY;

  constructor(settings: Settings, namespace: string) {
    this.#settings = settings;
    this.#namespace = namespace;
    this.#login = new Login(settings);
    this.#first = Math.floor(settings.random() * settings.servers.length);
  }

  /** Keeps the connection open until `leave` is called as often. */
  join(): void {
    this.#users += 1;
  }

  leave(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#live?.session.close('nobody needs it any more');
    this.#live = undefined;
  }

  /** The session that is open now. */
  get live(): Live | undefined {
    return this.#live?.session.error === undefined ? this.#live : undefined;
  }

  /** The session, opened first if need be. Rejects with {@link NacosError} when no server can be used. */
  async connect(): Promise<Live> {
    const { live } = this;
    if (live !== undefined) return live;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** Calls `mover` before a session that Nacos wants to be rid of is closed: make before break. */
  onMove(mover: Mover): () => void {
    this.#movers.add(mover);
    return () => this.#movers.delete(mover);
  }

  async #open(): Promise<Live> {
    const { servers } = this.#settings;
    const failures: string[] = [];
    for (let i = 0; i < servers.length; i++) {
      const at = (this.#first + i) % servers.length;
      try {
        const live = await this.#openAt(servers[at]!);
        // The next time begins with the next server: this one will have failed.
        this.#first = at + 1;
        if (this.#users <= 0) live.session.close('nobody needs it any more');
        else this.#live = live;
        return live;
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    const [how, advice] =
      servers[0]!.grpcTls === undefined
        ? ['in plaintext', 'whether gRPC wants TLS there (options.tls)']
        : ['over TLS', 'whether gRPC speaks TLS there (options.tls; options.httpTls is for HTTP alone)'];
    throw new NacosError(
      `no Nacos server can be reached over gRPC (HTTP port + ${this.#settings.grpcPortOffset}) ${how}: ${failures.join('; ')}; check options.servers, that this port is open, and ${advice}`,
    );
  }

  async #openAt({ host, port, grpcTls }: Server): Promise<Live> {
    const { transport, clock, requestTimeoutMs, grpcPortOffset } = this.#settings;
    const session = new Session(
      {
        transport,
        clock,
        timeoutMs: requestTimeoutMs,
        namespace: this.#namespace,
        headers: (renew) => this.#login.headers(renew),
      },
      {
        host,
        port: port + grpcPortOffset,
        tls: grpcTls,
        // A packet that was lost on the way to a server that is back is sent again after 1 s, then after 2 more: a new
        // connection is sooner.
        connectTimeoutMs: requestTimeoutMs / 2,
        // The health check of Nacos is sent instead, and tells more.
        keepaliveTimeMs: 0,
        keepaliveTimeoutMs: 0,
        keepaliveWithoutCalls: false,
        maxHeaderListBytes: 16 * 1024,
      },
    );
    await session.open();
    const live = {
      session,
      naming: new Naming(session, clock),
      configs: new Configs(session, this.#namespace, clock, this.#settings.random),
    };
    session.onPush('ConnectResetRequest', () => this.#moveSoon(live));
    session.onFailing((isOver) => {
      if (isOver) void this.#replace(live);
      else if (this.#settings.servers.length > 1) this.#moveSoon(live);
    });
    return live;
  }

  /** Once in a while only: each switch asks for all lists anew, and a client that all servers ask to switch gets nowhere. */
  #moveSoon(from: Live): void {
    const { clock } = this.#settings;
    this.#moving = from;
    this.#moveTimer ??= clock.after(Math.max(this.#moveAtMs - clock.nowMs(), 0), () => {
      this.#moveTimer = undefined;
      if (this.#moving !== undefined) void this.#move(this.#moving);
    });
  }

  /** Of a connection that takes no more requests: another one is opened first, unless that was just done. */
  async #replace(live: Live): Promise<void> {
    if (this.#settings.clock.nowMs() >= this.#moveAtMs) await this.#move(live);
    live.session.close('it was told to go away');
  }

  /** To the next server; the one that Nacos names may have an address that is not ours to reach. */
  async #move(from: Live): Promise<void> {
    this.#moving = undefined;
    if (this.#live !== from || this.#opening !== undefined) return;
    this.#moveAtMs = this.#settings.clock.nowMs() + MOVE_GAP_MS;
    try {
      this.#opening = this.#open();
      const live = await this.#opening;
      await Promise.allSettled([...this.#movers].map((mover) => mover(live)));
      from.session.close('another connection has taken over');
    } catch {
      // It is still connected where it was: that server closes the connection when it must.
    } finally {
      this.#opening = undefined;
    }
  }
}
