import type { RegistryUpdate } from '@podwire/registry';
import { followMapping } from './dubbo/mapping.ts';
import type { Link, Live } from './link/link.ts';
import { type InstanceList, readInstances, whyEmpty } from './naming/instances.ts';
import type { ServiceInfo } from './naming/naming.ts';
import type { ServiceRef } from './service-ref.ts';

/** Tells all changes of one service until `signal` aborts; throws when the connection fails. */
export async function* watch(
  link: Link,
  ref: ServiceRef,
  zoneKey: string,
  signal: AbortSignal,
): AsyncGenerator<RegistryUpdate> {
  if (signal.aborted) return;
  link.join();
  try {
    while (!signal.aborted) {
      const live = await unlessAborted(link.connect(), signal);
      if (live === undefined) return;
      yield* watchLive(live, ref, zoneKey, signal);
      // Nacos asked for a switch, and the new connection is there already: no reason to fail.
      if (!signal.aborted && link.live === undefined) throw live.session.error;
    }
  } finally {
    link.leave();
  }
}

async function* watchLive(
  live: Live,
  ref: ServiceRef,
  zoneKey: string,
  signal: AbortSignal,
): AsyncGenerator<RegistryUpdate> {
  const infos = new Map<string, ServiceInfo>();
  const problems = new Map<string, string>();
  const leavers = new Map<string, () => void>();
  const bell = new Bell();
  /** Whether the lists say something that was not told yet. */
  let isNew = false;
  const follow = async (names: readonly string[]) => {
    for (const name of names) {
      if (leavers.has(name)) continue;
      const listener = {
        onInfo(info: ServiceInfo) {
          infos.set(name, info);
          problems.delete(name);
          isNew = true;
          bell.ring();
        },
        onProblem({ message }: Error) {
          if (problems.get(name) === message) return;
          problems.set(name, message);
          bell.ring();
        },
      };
      leavers.set(name, await live.naming.subscribe({ ...ref, name }, listener));
    }
    for (const [name, leave] of leavers) {
      if (names.includes(name)) continue;
      leave();
      leavers.delete(name);
      infos.delete(name);
      problems.delete(name);
    }
    isNew = true;
    bell.ring();
  };
  const ring = () => bell.ring();
  const stopOnEnd = live.session.onEnd(ring);
  signal.addEventListener('abort', ring);
  let names = namesOf(ref);
  let followed: readonly string[] | undefined;
  let leaveMapping = () => {};
  try {
    if (names.length === 0) {
      leaveMapping = await followMapping(live.configs, ref.name, (applications) => {
        names = applications;
        bell.ring();
      });
    }
    while (!signal.aborted && live.session.error === undefined) {
      if (followed !== names) {
        followed = names;
        await follow(names);
      }
      await bell.rung();
      if (signal.aborted || live.session.error !== undefined || followed !== names) continue;
      if (isNew) {
        isNew = false;
        yield toUpdate([...infos.values()], ref, zoneKey);
      }
      for (const reason of problems.values()) yield { type: 'problem', reason };
    }
  } finally {
    stopOnEnd();
    signal.removeEventListener('abort', ring);
    leaveMapping();
    for (const leave of leavers.values()) leave();
  }
}

/** The Nacos services that are watched; none when Dubbo's mapping has to say. */
function namesOf({ name, dubbo }: ServiceRef): readonly string[] {
  return dubbo?.mode === 'application' ? dubbo.applications : [name];
}

/** What lists of one service, unchecked, amount to. */
export function toUpdate(infos: readonly ServiceInfo[], ref: ServiceRef, zoneKey: string): RegistryUpdate {
  try {
    const lists = infos.map(({ hosts }): InstanceList => readInstances(hosts, ref, zoneKey));
    const endpoints = [...new Map(lists.flatMap((list) => [...list.endpoints])).values()];
    const dropped = lists.flatMap((list) => list.dropped);
    if (endpoints.length === 0 && dropped.length === 0) {
      return {
        type: 'missing',
        reason: whyEmpty(
          ref,
          lists.reduce((sum, { listed }) => sum + listed, 0),
        ),
      };
    }
    return { type: 'reset', endpoints, ...(dropped.length > 0 ? { dropped } : {}) };
  } catch (error) {
    return { type: 'problem', reason: (error as Error).message };
  }
}

/** Rung twice before it is heard counts once: who is slow sees the latest, not the backlog. */
export class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async rung(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#rung = false;
  }
}

/** Undefined as soon as `signal` aborts. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  let abort = () => {};
  const aborted = new Promise<undefined>((resolve) => {
    abort = () => resolve(undefined);
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
