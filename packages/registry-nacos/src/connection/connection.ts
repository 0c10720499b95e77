import type { Timer } from '@podwire/core';
import { Configs } from '../config/configs.ts';
import { NacosError } from '../error.ts';
import { Login } from '../login/login.ts';
import { Naming } from '../naming/naming.ts';
import type { Settings } from '../options.ts';
import { Session } from '../rpc/session.ts';
import type { Server } from '../server.ts';

/** A session that is set up, with what is subscribed and followed on it. */
export interface OpenSession {
  readonly session: Session;
  readonly naming: Naming;
  readonly configs: Configs;
}

/** Between switches to another server. */
const MIGRATION_GAP_MS = 5_000;

type MigrateListener = (to: OpenSession) => Promise<void>;

/**
 * The one connection to a Nacos cluster that all services of a namespace share. It is opened for the first user and
 * closed after the last; servers are tried in turn, from a random one on.
 */
export class Connection {
  readonly #settings: Settings;
  readonly #namespace: string;
  readonly #login: Login;
  readonly #onMigrate = new Set<MigrateListener>();
  #first: number;
  #users = 0;
  #session: OpenSession | undefined;
  #opening: Promise<OpenSession> | undefined;
  /** Which session is to be left when the timer fires. */
  #migrating: OpenSession | undefined;
  #migrationTimer: Timer | undefined;
  #migrateAtMs = Number.NEGATIVE_INFINITY;

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
    this.#session?.session.close('nobody needs it any more');
    this.#session = undefined;
  }

  /** The session that is open now. */
  get opened(): OpenSession | undefined {
    return this.#session?.session.error === undefined ? this.#session : undefined;
  }

  /** The current session, or a new one. Rejects with {@link NacosError} when no server can be used. */
  async connect(): Promise<OpenSession> {
    const { opened } = this;
    if (opened !== undefined) return opened;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** Calls `listener` when a new session has replaced one, before the old session is closed: make before break. */
  onMigrate(listener: MigrateListener): () => void {
    this.#onMigrate.add(listener);
    return () => this.#onMigrate.delete(listener);
  }

  async #open(): Promise<OpenSession> {
    const { servers } = this.#settings;
    const failures: string[] = [];
    for (let i = 0; i < servers.length; i++) {
      const at = (this.#first + i) % servers.length;
      try {
        const opened = await this.#openAt(servers[at]!);
        // The next attempt begins with the next server, because by then this one has failed.
        this.#first = at + 1;
        if (this.#users <= 0) opened.session.close('nobody needs it any more');
        else this.#session = opened;
        return opened;
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

  async #openAt({ host, port, grpcTls }: Server): Promise<OpenSession> {
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
        // TCP sends a lost SYN again after 1 s, then after 2 more: once the server is back, a new connection is faster than
        // waiting for that.
        connectTimeoutMs: requestTimeoutMs / 2,
        // The session sends Nacos's health check instead, which tells more.
        keepaliveTimeMs: 0,
        keepaliveTimeoutMs: 0,
        keepaliveWithoutCalls: false,
        maxHeaderListBytes: 16 * 1024,
      },
    );
    await session.open();
    const opened = {
      session,
      naming: new Naming(session, clock),
      configs: new Configs(session, this.#namespace, clock, this.#settings.random),
    };
    session.onPush('ConnectResetRequest', () => this.#migrateSoon(opened));
    session.onFailing((isOver) => {
      if (isOver) void this.#replace(opened);
      else if (this.#settings.servers.length > 1) this.#migrateSoon(opened);
    });
    return opened;
  }

  /** Migrates at most once in {@link MIGRATION_GAP_MS}: each switch asks for all lists anew, and all servers may ask a client to switch. */
  #migrateSoon(from: OpenSession): void {
    const { clock } = this.#settings;
    this.#migrating = from;
    this.#migrationTimer ??= clock.after(Math.max(this.#migrateAtMs - clock.nowMs(), 0), () => {
      this.#migrationTimer = undefined;
      if (this.#migrating !== undefined) void this.#migrate(this.#migrating);
    });
  }

  /** The connection takes no more requests: opens another one first, unless a switch has just been made. */
  async #replace(opened: OpenSession): Promise<void> {
    if (this.#settings.clock.nowMs() >= this.#migrateAtMs) await this.#migrate(opened);
    opened.session.close('it was told to go away');
  }

  /** Switches to the next server. The one that Nacos names may have an address that this process cannot reach. */
  async #migrate(from: OpenSession): Promise<void> {
    this.#migrating = undefined;
    if (this.#session !== from || this.#opening !== undefined) return;
    this.#migrateAtMs = this.#settings.clock.nowMs() + MIGRATION_GAP_MS;
    try {
      this.#opening = this.#open();
      const opened = await this.#opening;
      await Promise.allSettled([...this.#onMigrate].map((listener) => listener(opened)));
      from.session.close('another connection has taken over');
    } catch {
      // Stay connected: the old server closes the connection when it must.
    } finally {
      this.#opening = undefined;
    }
  }
}
