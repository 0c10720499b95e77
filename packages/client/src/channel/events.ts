import type { EjectionReason } from '@podwire/balancer';
import { timers } from '@podwire/core';
import type { WatchStatus } from '@podwire/registry';
import type { EventEmitter } from 'eventemitter3';
import type { ClusterReport, Observer, PanicLevel } from '../observe/observer.ts';
import type { Mode } from '../options/mode.ts';
import type { HealthStatus } from '../pod/health-status.ts';
import type { PodState } from '../pod/state.ts';

/** Events of a channel; an EventEmitter carries them, and a listener that throws does not reach the calls. */
export interface ChannelEvents {
  /** The set of Pods changed: their ids, and where the set came from. */
  endpoints: [{ readonly version: number; readonly source: string; readonly ids: readonly string[] }];
  /** A Pod changed its state. */
  pod: [{ readonly id: string; readonly state: PodState; readonly error: string | undefined }];
  /** A Pod says something else of its health than before; see the option `health`. */
  health: [{ readonly id: string; readonly health: HealthStatus | undefined }];
  /** Outlier detection took a Pod out, for about `forMs`. `times`: how often in a row. */
  ejected: [
    { readonly id: string; readonly reason: EjectionReason; readonly forMs: number; readonly times: number },
  ];
  /** A Pod that was ejected is back, after `afterMs`. */
  returned: [{ readonly id: string; readonly afterMs: number }];
  /** A Pod owes replies and is silent, so that new calls go elsewhere; or it was heard again. */
  suspect: [{ readonly id: string; readonly isSuspect: boolean }];
  /**
   * Too few Pods take calls, so ejections and suspicions are ignored (`opinions`), or also what Pods say of themselves (`all`); or none of
   * this any more.
   */
  panic: [{ readonly level: PanicLevel; readonly cluster: string }];
  /** The state of the registry's watch. */
  registry: [WatchStatus];
  /** The mode changed: new calls go this way now. */
  mode: [Mode];
  /** A switch failed, because the new destination did not connect. Calls go on in the mode before. */
  modeFailed: [{ readonly mode: Mode; readonly error: Error }];
  /** The watched config file changed into something that can't be used; its last valid content stays in force. */
  configError: [Error];
  /**
   * The config file changed what it says of this service: which options the channel took, by their names in docs/options.md, or which of
   * them need a new channel. Where any does, at most the mode was taken.
   */
  config: [{ readonly changed: readonly string[]; readonly needsRestart: readonly string[] }];
}

/** The observer that emits a channel's events. */
export function eventObserver(events: EventEmitter<ChannelEvents>): Observer {
  return {
    onPod: ({ id, state, lastError }) =>
      emit(events, 'pod', { id, state: state as PodState, error: lastError }),
    onHealth: ({ id, health }) => emit(events, 'health', { id, health: health as HealthStatus | undefined }),
    onSet({ version, source, endpoints }) {
      // Without a listener, no list of perhaps ten thousand ids is made.
      if (events.listenerCount('endpoints') === 0) return;
      emit(events, 'endpoints', { version, source, ids: endpoints.map(({ id }) => id) });
    },
    onReport: (report) => emitReport(events, report),
    onRegistry: (status) => emit(events, 'registry', status),
  };
}

function emitReport(events: EventEmitter<ChannelEvents>, report: ClusterReport): void {
  if (report.type === 'notEjected') return;
  const { type, ...value } = report;
  emit(events, type, value as ChannelEvents[typeof type][0]);
}

/** Emits an event. An error that a listener throws becomes an uncaught exception, so that it never ends a connection. */
export function emit<K extends keyof ChannelEvents>(
  events: EventEmitter<ChannelEvents>,
  event: K,
  value: ChannelEvents[K][0],
): void {
  if (events.listenerCount(event) === 0) return;
  try {
    (events.emit as (event: K, value: ChannelEvents[K][0]) => boolean).call(events, event, value);
  } catch (error) {
    timers.nextTick(() => {
      throw error;
    });
  }
}
