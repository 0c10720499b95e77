import type { Server } from '@grpc/grpc-js';
import { systemClock } from '@podwire/core';
import type { AnnouncementChange } from '@podwire/registry';
import { type Presence, tellProblem } from './announce.ts';
import { type Announced, all, withdrawAll } from './announce-all.ts';
import type { DrainReport } from './drain-report.ts';
import type { Health } from './health.ts';
import { announcedAttributes, healthNames, type Steps } from './leave-options.ts';
import { within } from './within.ts';

/** A server that serves and is announced. */
export interface Provider {
  /** `host:port` as consumers see it, or as the server is bound where there is no registry. */
  readonly address: string;
  /** The port that is bound. */
  readonly port: number;
  /** `starting` until a server that a framework binds was announced. */
  readonly state: 'starting' | 'serving' | 'leaving' | 'stopped';
  /** The Pod's presence in the registry, one for each service. */
  readonly presences: readonly Presence[];
  /** Changes the Pod for all its services. */
  update(change: AnnouncementChange): Promise<void>;
  /** Leaves: unhealthy → out of the registry → notice → no new connections → calls end. Each step is bounded. */
  drain(): Promise<DrainReport>;
  /** Drains, as `drain` does. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** The methods of a server that are needed to stop it; a framework may hide the others. */
export type StoppableServer = Partial<Pick<Server, 'tryShutdown' | 'forceShutdown'>>;

/** A server that serves until it is told to leave, whether podwire or a framework bound it. */
export class Serving implements Provider {
  address: string;
  readonly port: number;
  presences: readonly Presence[] = [];
  state: Provider['state'] = 'starting';
  readonly #server: StoppableServer;
  readonly #health: Health;
  readonly #steps: Steps;
  readonly #onSignal = () => this.#leave();
  #isSignalled = false;
  #drained: Promise<DrainReport> | undefined;
  /** Resolves when the provider must leave at once: nothing is waited for any more. */
  readonly #mustLeaveNow: Promise<void>;
  #leaveNow = () => {};

  constructor(
    server: StoppableServer,
    health: Health,
    steps: Steps,
    where: { readonly address: string; readonly port: number },
  ) {
    this.#server = server;
    this.#health = health;
    this.#steps = steps;
    this.address = where.address;
    this.port = where.port;
    this.#mustLeaveNow = new Promise((resolve) => {
      this.#leaveNow = resolve;
    });
    for (const signal of steps.signals) process.on(signal, this.#onSignal);
  }

  /** Waits until the Pod is listed for every service. Rejects as `announce` does, after the Pod has been withdrawn everywhere. */
  async list(announced: readonly Announced[]): Promise<void> {
    this.presences = announced.map(({ presence }) => presence);
    this.address = this.presences[0]?.endpoint.id ?? this.address;
    this.state = 'serving';
    try {
      await Promise.all(announced.map(({ listed }) => listed));
    } catch (error) {
      await withdrawAll(this.presences, this.#steps.withdrawTimeoutMs, this.#steps.options.clock);
      throw error;
    }
  }

  async update(change: AnnouncementChange): Promise<void> {
    const { attributes } = change;
    const whole =
      attributes === undefined ? change : { ...change, attributes: announcedAttributes(attributes) };
    await all(this.presences.map((presence) => presence.update(whole)));
  }

  drain(): Promise<DrainReport> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  /** Ends a provider that was never announced. */
  abandon(): void {
    this.#server.forceShutdown?.();
    this.#stop();
  }

  #stop(): void {
    for (const signal of this.#steps.signals) process.off(signal, this.#onSignal);
    this.state = 'stopped';
  }

  /** The first signal drains, even if `drain` was called before; the second one makes the provider leave at once. */
  #leave(): void {
    if (this.#isSignalled) return this.#leaveNow();
    this.#isSignalled = true;
    const { onStopped = () => process.exit() } = this.#steps.options;
    void this.drain().then(onStopped);
  }

  async #drain(): Promise<DrainReport> {
    const { options, withdrawTimeoutMs, noticeMs, graceMs } = this.#steps;
    const clock = options.clock ?? systemClock;
    const startedMs = clock.nowMs();
    this.state = 'leaving';
    for (const name of healthNames(options)) this.#health.set(name, 'NOT_SERVING');
    const withdrawal = all(this.presences.map((presence) => presence.withdraw()));
    let isWithdrawn = false;
    const done = withdrawal.then(
      () => {
        isWithdrawn = true;
      },
      (error: unknown) => {
        const problem = new Error(`${this.address} could not be withdrawn: ${String(error)}`, {
          cause: error,
        });
        tellProblem(problem, options.onProblem);
      },
    );
    await within(Promise.race([done, this.#mustLeaveNow]), withdrawTimeoutMs, clock);
    const withdrawn = isWithdrawn;
    // The registry may have answered only now, and its consumers hear of the change later still.
    await within(this.#mustLeaveNow, noticeMs, clock);
    this.#health.endWatches();
    options.load?.endStreams();
    let finished = false;
    const ended = new Promise<void>((resolve) => {
      const ended = () => {
        finished = true;
        resolve();
      };
      if (this.#server.tryShutdown === undefined) ended();
      else this.#server.tryShutdown(ended);
    });
    await within(Promise.race([ended, this.#mustLeaveNow]), graceMs, clock);
    if (!finished) this.#server.forceShutdown?.();
    this.#stop();
    return { withdrawn, finished, tookMs: clock.nowMs() - startedMs };
  }
}
