import type { Clock, Random } from '@podwire/core';
import type { ApiClient } from './api/client.ts';
import { BrokenAnswer, SilentWatch } from './api/error.ts';
import { watch } from './api/watch.ts';
import type { Replica } from './replica.ts';
import { ENDPOINT_SLICES, resourceVersionOf } from './slices/resource.ts';
import type { Trust } from './trust.ts';
import type { WatchPace } from './watch-pace.ts';

/** As client-go: the server ends each watch after 5 to 10 minutes, so that clients spread over API servers again. */
const MIN_WATCH_S = 300;

export interface WatchEnv {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly idleTimeoutMs: number;
  readonly trust: Trust;
  readonly pace: WatchPace;
  readonly onOpen: () => void;
  /** The replica's objects changed. */
  readonly onChange: () => void;
}

/** How a watch ended: without an error in good order. */
export interface Ended {
  readonly error: unknown;
  /** Whether it said something, or stayed open for a while. */
  readonly hasBegun: boolean;
}

/** The end of a watch that this side ended. */
export const GONE: Ended = { error: undefined, hasBegun: true };

/** Runs one watch from the replica's version, and applies its lines to the replica. Never throws. */
export async function watchOnce(replica: Replica, env: WatchEnv, signal: AbortSignal): Promise<Ended> {
  const { client, clock, random, idleTimeoutMs, trust, pace } = env;
  const { resource } = replica.mirror;
  if (replica.resourceVersion === undefined) {
    return {
      error: new BrokenAnswer(`the list of ${resource.fullName} has no version to watch from`),
      hasBegun: false,
    };
  }
  let openedMs: number | undefined;
  let lines = 0;
  let error: unknown;
  const events = watch(client, clock, {
    resource,
    service: replica.service,
    resourceVersion: replica.resourceVersion,
    timeoutSeconds: Math.round(MIN_WATCH_S * (1 + random())),
    idleTimeoutMs,
    signal,
    onSent: () => trust.onSent(),
    onOpen: () => {
      openedMs = clock.nowMs();
      env.onOpen();
      trust.onOpen();
    },
  });
  trust.onAsked();
  try {
    for await (const { type, object } of events) {
      if (signal.aborted) break;
      lines += 1;
      replica.advance(resourceVersionOf(object));
      trust.onLine();
      if (type === 'BOOKMARK') continue;
      replica.mirror.change(type, object);
      env.onChange();
    }
  } catch (thrown) {
    error = thrown;
  }
  if (signal.aborted) return GONE;
  if (error instanceof SilentWatch) trust.onSilence();
  trust.onOver();
  const hasBegun = pace.onOver({ openedMs, lines, hasFailed: error !== undefined });
  // Known of API servers that lost track (https://github.com/kubernetes/kubernetes/issues/104171).
  if (!hasBegun) error ??= new BrokenAnswer('the API server ended the watch at once without saying anything');
  if (error !== undefined) return { error, hasBegun };
  await pace.due(signal);
  // EndpointSlices may exist by now: the server was upgraded, or lacked them only while it started.
  if (replica.mirror.resource !== ENDPOINT_SLICES) replica.resourceVersion = undefined;
  return { error, hasBegun };
}
