import { unlessAborted, WakeFlag } from '@podwire/core';
import type { RegistryUpdate, RegistryWatchOptions } from '@podwire/registry';
import type { Connection, OpenSession } from './connection/connection.ts';
import { ApplicationMetadata } from './dubbo/application-metadata.ts';
import { followMapping } from './dubbo/mapping.ts';
import {
  type Describe,
  type InstanceList,
  type MetadataKeys,
  readInstances,
  whyEmpty,
} from './naming/instances.ts';
import type { ServiceInfo } from './naming/naming.ts';
import type { Settings } from './options.ts';
import type { ServiceRef } from './service-ref.ts';

/** How long the first set waits for the metadata of Dubbo's applications. */
const FIRST_WAIT_MS = 1_000;

/** Yields the changes of one service until `signal` aborts; throws when the connection fails. */
export async function* watch(
  connection: Connection,
  ref: ServiceRef,
  settings: Settings,
  { signal, onRecheck }: RegistryWatchOptions,
): AsyncGenerator<RegistryUpdate> {
  if (signal.aborted) return;
  connection.join();
  try {
    while (!signal.aborted) {
      const opened = await unlessAborted(connection.connect(), signal);
      if (opened === undefined) return;
      yield* watchSession(opened, ref, settings, signal, onRecheck);
      // Nacos asked for a switch, and the new connection is there already, so the watch goes on.
      if (!signal.aborted && connection.opened === undefined) throw opened.session.error;
    }
  } finally {
    connection.leave();
  }
}

async function* watchSession(
  opened: OpenSession,
  ref: ServiceRef,
  settings: Settings,
  signal: AbortSignal,
  onRecheck: RegistryWatchOptions['onRecheck'],
): AsyncGenerator<RegistryUpdate> {
  const infos = new Map<string, ServiceInfo>();
  const problems = new Map<string, string>();
  const leavers = new Map<string, () => void>();
  onRecheck?.(() => {
    for (const name of leavers.keys()) opened.naming.recheck(ref.group, name);
  });
  const wake = new WakeFlag();
  /** Whether a list changed since the last update was yielded. */
  let isNew = false;
  let isProblemNew = false;
  const metadata = new ApplicationMetadata(settings, opened.configs, () => {
    isNew = true;
    wake.raise();
  });
  let isFirst = true;
  const firstByMs = settings.clock.nowMs() + FIRST_WAIT_MS;
  const firstTimer = settings.clock.after(FIRST_WAIT_MS, () => {
    isNew ||= isFirst;
    wake.raise();
  });
  const follow = async (names: readonly string[]) => {
    for (const name of names) {
      if (leavers.has(name)) continue;
      const listener = {
        onInfo(info: ServiceInfo) {
          infos.set(name, info);
          problems.delete(name);
          isNew = true;
          wake.raise();
        },
        onProblem({ message }: Error) {
          if (problems.get(name) === message) return;
          problems.set(name, message);
          isProblemNew = true;
          wake.raise();
        },
      };
      leavers.set(name, await opened.naming.subscribe({ ...ref, name }, listener));
    }
    for (const [name, leave] of leavers) {
      if (names.includes(name)) continue;
      leave();
      leavers.delete(name);
      infos.delete(name);
      problems.delete(name);
    }
    isNew = true;
    wake.raise();
  };
  const stopOnEnd = opened.session.onEnd(() => wake.raise());
  let names = namesOf(ref);
  let followed: readonly string[] | undefined;
  let leaveMapping = () => {};
  try {
    if (names.length === 0) {
      leaveMapping = await followMapping(opened.configs, ref.name, (applications) => {
        names = applications;
        wake.raise();
      });
    }
    while (!signal.aborted && opened.session.error === undefined) {
      if (followed !== names) {
        followed = names;
        await follow(names);
      }
      await wake.wait(settings.clock, Number.POSITIVE_INFINITY, signal);
      if (signal.aborted || opened.session.error !== undefined || followed !== names) continue;
      if (isNew) {
        isNew = false;
        const update = toUpdate(infos, ref, settings, metadata);
        // A first set without the Pods whose metadata is still being read would look like a loss.
        if (isFirst && metadata.isAsking && settings.clock.nowMs() < firstByMs) continue;
        isFirst = false;
        // An update clears the reported problems, so report those that remain again.
        isProblemNew = problems.size > 0;
        yield update;
      }
      if (!isProblemNew) continue;
      isProblemNew = false;
      yield { type: 'problem', reason: [...new Set(problems.values())].join('; ') };
    }
  } finally {
    stopOnEnd();
    firstTimer.cancel();
    metadata.close();
    leaveMapping();
    for (const leave of leavers.values()) leave();
  }
}

/** The Nacos services to watch; none when Dubbo's mapping names them. */
function namesOf({ name, dubbo }: ServiceRef): readonly string[] {
  return dubbo?.mode === 'application' ? dubbo.applications : [name];
}

/** The update that the unchecked lists of services, by name, make for the service of `ref`. */
export function toUpdate(
  infos: ReadonlyMap<string, ServiceInfo>,
  ref: ServiceRef,
  keys: MetadataKeys,
  metadata?: ApplicationMetadata,
): RegistryUpdate {
  const known = ref.dubbo?.mode === 'application' ? metadata : undefined;
  try {
    known?.begin();
    const lists = [...infos].map(([name, { hosts }]): InstanceList => {
      const describe: Describe | undefined = known && ((host, get) => known.of(name, host, get));
      return readInstances(hosts, ref, keys, describe);
    });
    known?.end();
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
