import type { ServiceWatch } from '@podwire/registry';
import type { Mode } from '../modes/mode.ts';
import type { ClientPod } from '../pod/pod.ts';
import type { PodState } from '../pod/state.ts';
import type { Side, SideState } from './side.ts';

/** One Pod as a channel sees it now. */
export interface PodSnapshot {
  readonly id: string;
  readonly state: PodState;
  readonly phase: 'serving' | 'draining';
  readonly zone: string | undefined;
  readonly weight: number;
  readonly connections: number;
  readonly inFlight: number;
  /** The peer's MAX_CONCURRENT_STREAMS; undefined when it set none. */
  readonly maxConcurrentStreams: number | undefined;
  /** Peak-EWMA latency; undefined before the first reply. */
  readonly latencyMs: number | undefined;
  readonly calls: number;
  readonly failed: number;
  /** Share of all calls of this side, 0–1. */
  readonly share: number;
  readonly lastError: string | undefined;
}

/** A channel now, as plain JSON. */
export interface ChannelSnapshot {
  readonly service: string;
  readonly target: string;
  readonly mode: Mode;
  /** The mode that a switch under way leads to. */
  readonly switchingTo: Mode | undefined;
  readonly state: SideState | 'closed';
  readonly policy: string;
  readonly transport: string;
  readonly calls: { readonly open: number; readonly waiting: number };
  readonly registry:
    | {
        readonly scheme: string;
        readonly state: string;
        readonly source: string | undefined;
        readonly version: number | undefined;
        /** Since the registry last said something. */
        readonly ageMs: number | undefined;
        readonly lastError: string | undefined;
        readonly missing: string | undefined;
        readonly held: { readonly reason: string; readonly ids: readonly string[] } | undefined;
        readonly dropped: readonly string[];
        /** Why the set could not be written to `snapshotDir`. */
        readonly snapshotError: string | undefined;
      }
    | undefined;
  readonly pods: readonly PodSnapshot[];
}

export function snapshotPods(side: Side, nowMs: number): PodSnapshot[] {
  const pods = side.all;
  const total = pods.reduce((sum, pod) => sum + pod.load.started, 0);
  return pods.map((pod) => snapshotPod(pod, total, nowMs));
}

function snapshotPod(pod: ClientPod, total: number, nowMs: number): PodSnapshot {
  const { endpoint, load } = pod;
  const limit = pod.maxConcurrentStreams;
  return {
    id: pod.id,
    state: pod.state,
    phase: endpoint.phase,
    zone: endpoint.zone,
    weight: endpoint.weight,
    connections: pod.connections,
    inFlight: load.inFlight,
    maxConcurrentStreams: Number.isFinite(limit) && limit > 0 ? limit : undefined,
    latencyMs: load.sampled ? Math.round(load.latencyMs(nowMs) * 1_000) / 1_000 : undefined,
    calls: load.started,
    failed: load.failed,
    share: total === 0 ? 0 : load.started / total,
    lastError: pod.lastError,
  };
}

export function snapshotRegistry(
  scheme: string,
  watch: ServiceWatch,
  wallMs: number,
): ChannelSnapshot['registry'] {
  const { status, set } = watch;
  return {
    scheme,
    state: status.state,
    source: status.source,
    version: set?.version,
    ageMs: status.lastUpdateMs === undefined ? undefined : wallMs - status.lastUpdateMs,
    lastError: status.lastError,
    missing: status.missing,
    held: status.held,
    dropped: status.dropped,
    snapshotError: status.snapshotError,
  };
}
