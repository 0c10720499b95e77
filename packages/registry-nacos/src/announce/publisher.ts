import type { Timer } from '@podwire/core';
import { RetryDelay } from '@podwire/registry';
import type { Connection, OpenSession } from '../connection/connection.ts';
import { NacosError } from '../error.ts';
import type { Settings } from '../options.ts';
import type { ServiceRef } from '../service-ref.ts';

export type Instance = Readonly<Record<string, unknown>>;
/** Writes what Nacos must hold before the instance; called on each session. */
type Prepare = (opened: OpenSession) => Promise<void>;

interface Published {
  readonly ref: ServiceRef;
  readonly instances: Map<string, Instance>;
  readonly prepare: Map<string, Prepare>;
}

/** A connection that lived this long counts as stable. */
const STEADY_MS = 10_000;

/** Keeps the Pods of this process registered in one namespace: all of them again on every new connection. */
export class Publisher {
  readonly #connection: Connection;
  readonly #settings: Settings;
  readonly #services = new Map<string, Published>();
  /** Requests go one after another, so that no older state of an instance overtakes a newer one. */
  #tail: Promise<unknown> = Promise.resolve();
  #opened: OpenSession | undefined;
  #stopMigrating: (() => void) | undefined;
  readonly #delay: RetryDelay;
  #timer: Timer | undefined;

  constructor(connection: Connection, settings: Settings) {
    this.#connection = connection;
    this.#settings = settings;
    this.#delay = new RetryDelay(settings.random);
  }

  /** Registers an instance, or changes it. Rejects when Nacos refuses; one that was registered before is kept. */
  put(ref: ServiceRef, id: string, instance: Instance, prepare?: Prepare): Promise<void> {
    return this.#queue(async () => {
      const key = `${ref.group}@@${ref.name}`;
      const service = this.#services.get(key) ?? { ref, instances: new Map(), prepare: new Map() };
      const before = { instance: service.instances.get(id), prepare: service.prepare.get(id) };
      if (this.#services.size === 0) this.#start();
      this.#services.set(key, service);
      service.instances.set(id, instance);
      if (prepare !== undefined) service.prepare.set(id, prepare);
      try {
        const opened = await this.#attach();
        await prepare?.(opened);
        await this.#publish(opened, service);
      } catch (error) {
        const isRefused = error instanceof NacosError && !error.unreachable;
        if (before.instance === undefined) {
          // A request without an answer may have taken effect all the same.
          if (isRefused) this.#forget(key, service, id);
          else await this.#takeOut(key, service, id, instance);
        } else if (isRefused) {
          service.instances.set(id, before.instance);
          if (before.prepare !== undefined) service.prepare.set(id, before.prepare);
        } else {
          this.#planRedo(this.#delay.next(error));
        }
        throw error;
      }
    });
  }

  /** Takes an instance out. Resolves even when Nacos cannot be reached: the instance leaves with the connection. */
  remove(ref: ServiceRef, id: string): Promise<void> {
    return this.#queue(async () => {
      const key = `${ref.group}@@${ref.name}`;
      const service = this.#services.get(key);
      const instance = service?.instances.get(id);
      if (service !== undefined && instance !== undefined) await this.#takeOut(key, service, id, instance);
    });
  }

  async #takeOut(key: string, service: Published, id: string, instance: Instance): Promise<void> {
    service.instances.delete(id);
    const { opened } = this.#connection;
    try {
      if (opened !== undefined && service.instances.size > 0) await this.#publish(opened, service);
      else if (opened !== undefined)
        await opened.session.request('InstanceRequest', body(service.ref, 'deregisterInstance', instance));
    } catch {
      opened?.session.close('an instance could not be deregistered; it leaves with the connection');
    } finally {
      this.#forget(key, service, id);
    }
  }

  async #attach(): Promise<OpenSession> {
    const opened = await this.#connection.connect();
    if (opened !== this.#opened) {
      this.#opened = opened;
      const { clock } = this.#settings;
      const sinceMs = clock.nowMs();
      opened.session.onEnd((error) => {
        if (this.#opened !== opened) return;
        this.#opened = undefined;
        // Wait before connecting again to a server that keeps ending connections soon.
        const wasSteady = clock.nowMs() - sinceMs >= STEADY_MS;
        if (wasSteady) this.#delay.reset();
        this.#planRedo(wasSteady ? 0 : this.#delay.next(error));
      });
    }
    return opened;
  }

  /** Nacos keeps one registration per service and connection; several instances make a batch. */
  async #publish({ session }: OpenSession, { ref, instances }: Published): Promise<void> {
    const [only, ...more] = instances.values();
    if (only === undefined) return;
    if (more.length === 0) {
      await session.request('InstanceRequest', body(ref, 'registerInstance', only));
      return;
    }
    const names = { namespace: ref.namespace, groupName: ref.group, serviceName: ref.name };
    await session.request('BatchInstanceRequest', {
      ...names,
      type: 'batchRegisterInstance',
      instances: [only, ...more],
    });
  }

  #planRedo(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#services.size === 0) return;
    this.#timer = this.#settings.clock.after(delayMs, () => void this.#redo());
  }

  async #redo(): Promise<void> {
    const { clock } = this.#settings;
    const startedMs = clock.nowMs();
    try {
      await this.#queue(async () => this.#publishAll(await this.#attach()));
    } catch (error) {
      this.#planRedo(this.#delay.next(error, clock.nowMs() - startedMs));
    }
  }

  /** Publishes each service separately, so that one that Nacos refuses does not block the others. */
  async #publishAll(opened: OpenSession): Promise<void> {
    const publish = async (service: Published) => {
      // Publish the instance even if a config could not be written: consumers may know its content from before.
      const prepared = [];
      for (const prepare of service.prepare.values())
        prepared.push(...(await Promise.allSettled([prepare(opened)])));
      await this.#publish(opened, service);
      return prepared;
    };
    const results = await Promise.allSettled([...this.#services.values()].map(publish));
    const all = results.flatMap((result) => (result.status === 'rejected' ? [result] : result.value));
    for (const result of all) if (result.status === 'rejected') throw result.reason;
  }

  #start(): void {
    this.#connection.join();
    this.#stopMigrating = this.#connection.onMigrate(() => this.#redo());
  }

  #forget(key: string, service: Published, id: string): void {
    service.instances.delete(id);
    service.prepare.delete(id);
    if (service.instances.size === 0) this.#services.delete(key);
    if (this.#services.size > 0) return;
    this.#timer?.cancel();
    this.#stopMigrating?.();
    this.#opened = undefined;
    this.#connection.leave();
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => {});
    return done;
  }
}

function body(ref: ServiceRef, type: 'registerInstance' | 'deregisterInstance', instance: Instance) {
  return { namespace: ref.namespace, groupName: ref.group, serviceName: ref.name, type, instance };
}
