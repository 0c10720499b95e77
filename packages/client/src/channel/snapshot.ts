import type { EjectionReason } from '@podwire/balancer';
import type { Clock } from '@podwire/core';
import type { ServiceWatch } from '@podwire/registry';
import type { Cluster, ClusterState } from '../cluster/cluster.ts';
import type { Counters } from '../observe/counters.ts';
import type { PanicLevel } from '../observe/observer.ts';
import type { Mode } from '../options/mode.ts';
import type { OwnZone } from '../options/own-zone.ts';
import type { HealthStatus } from '../pod/health-status.ts';
import type { ClientPod } from '../pod/pod.ts';
import type { PodState } from '../pod/state.ts';

/** One Pod as a channel sees it now. */
export interface PodSnapshot {
  /** `host:port`, or `unix:path`. */
  readonly id: string;
  /** The state of its connections, or of the Pod in its set. */
  readonly state: PodState;
  /** What the Pod says of its health; undefined while that is not watched. */
  readonly health: HealthStatus | undefined;
  /** The Pod's phase, as the registry tells it. */
  readonly phase: 'serving' | 'draining';
  /** The Pod's zone, as the registry tells it. */
  readonly zone: string | undefined;
  /** Relative to the other Pods'; 1 is the default, 0 takes no calls. */
  readonly weight: number;
  /** Open connections, including those that drain. */
  readonly connections: number;
  /** Attempts that have no outcome yet. */
  readonly inFlight: number;
  /** The peer's MAX_CONCURRENT_STREAMS; undefined when it set none. */
  readonly maxConcurrentStreams: number | undefined;
  /** Peak-EWMA latency in milliseconds; undefined before the first reply. */
  readonly latencyMs: number | undefined;
  /** Attempts started since the Pod became known: a call that is tried again counts once for each attempt. */
  readonly calls: number;
  /** Attempts that failed for a reason that lies more with the Pod than with the call. */
  readonly failed: number;
  /** Share of the attempts that succeeded, by what they say of the Pod, over the last minute; undefined without any. */
  readonly successRate: number | undefined;
  /** Why outlier detection took it out, since when, until when (milliseconds since 1970), and how often in a row. */
  readonly ejected:
    | {
        readonly reason: EjectionReason;
        readonly sinceMs: number;
        readonly untilMs: number;
        readonly times: number;
      }
    | undefined;
  /** Since when it owes replies and is silent, in milliseconds since 1970. */
  readonly suspectSinceMs: number | undefined;
  /** Share of all calls of the channel, 0–1. */
  readonly share: number;
  /** Why its last connection ended, or could not be made. */
  readonly lastError: string | undefined;
}

/** A channel now, as plain JSON. */
export interface ChannelSnapshot {
  /** The service's name, as in errors. */
  readonly service: string;
  /** The target as it was given. */
  readonly target: string;
  /** The mode that new calls go by. */
  readonly mode: Mode;
  /** The mode that a switch under way leads to. */
  readonly switchingTo: Mode | undefined;
  /** `unknown`: the registry has not answered; `empty`: it names no Pod; `failing`: no Pod can be connected to. */
  readonly state: ClusterState | 'closed';
  /** The policy's name. */
  readonly policy: string;
  /** Which HTTP/2 client carries the calls. */
  readonly transport: string;
  /** Calls that were started and have not ended, and how many of them wait for a Pod. */
  readonly calls: { readonly open: number; readonly waiting: number };
  /** Whether the reasons for which Pods are blocked are ignored, because too few Pods are left. */
  readonly panic: PanicLevel;
  /** Milliseconds that this process did not run while calls were open, since its first call. */
  readonly stalledMs: number;
  /** What happened to Pods since the channel was made. */
  readonly counters: Counters;
  /** Undefined in the mode `mesh`, which asks no registry. */
  readonly registry:
    | {
        /** The target's scheme: `dns`, `kubernetes`, … */
        readonly scheme: string;
        readonly state: string;
        /** Where the set in use came from. */
        readonly source: string | undefined;
        /** How many sets there have been. */
        readonly version: number | undefined;
        /** Milliseconds since the registry last said something. */
        readonly ageMs: number | undefined;
        readonly lastError: string | undefined;
        /** Why there are no Pods, in the registry's words. */
        readonly missing: string | undefined;
        /** Pods that the registry no longer lists and that are kept because they still answer. */
        readonly held: { readonly reason: string; readonly ids: readonly string[] } | undefined;
        /** The parts of the registry's answer that could not be used, each with the reason. */
        readonly dropped: readonly string[];
        /** Why the set could not be written to `snapshotDir`. */
        readonly snapshotError: string | undefined;
      }
    | undefined;
  /** The zone that calls prefer; undefined without the option `zone`. */
  readonly zone:
    | {
        /** Undefined while it is not known. */
        readonly name: string | undefined;
        /** The node whose zone it is, if the option names a node. */
        readonly node: string | undefined;
        /** Why the zone is not known. */
        readonly problem: string | undefined;
      }
    | undefined;
  /** Pods of the set, and Pods that left it and still have calls. */
  readonly pods: readonly PodSnapshot[];
}

export function snapshotZone(zone: OwnZone | undefined): ChannelSnapshot['zone'] {
  return zone && { name: zone.name, node: zone.node, problem: zone.problem };
}

const PANICS: readonly PanicLevel[] = ['none', 'opinions', 'all'];

/** The highest level of all clusters. */
export function snapshotPanic(clusters: Iterable<Cluster>): PanicLevel {
  const levels = [...clusters].map(({ panic }) => PANICS.indexOf(panic.level));
  return PANICS[Math.max(0, ...levels)]!;
}

export function snapshotPods(clusters: readonly Cluster[], clock: Clock): PodSnapshot[] {
  const pods = clusters.flatMap((cluster) => cluster.all);
  const total = pods.reduce((sum, pod) => sum + pod.load.started, 0);
  return pods.map((pod) => snapshotPod(pod, total, clock));
}

function snapshotPod(pod: ClientPod, total: number, clock: Clock): PodSnapshot {
  const nowMs = clock.nowMs();
  const wall = (atMs: number) => Math.round(clock.wallMs() + atMs - nowMs);
  const ejection = pod.record?.ejection;
  const { endpoint, load, connections } = pod;
  const limit = connections.maxConcurrentStreams;
  return {
    id: pod.id,
    state: pod.state,
    health: pod.health,
    phase: endpoint.phase,
    zone: endpoint.zone,
    weight: endpoint.weight,
    connections: connections.count,
    inFlight: load.inFlight,
    maxConcurrentStreams: Number.isFinite(limit) && limit > 0 ? limit : undefined,
    latencyMs: load.sampled ? Math.round(load.latencyMs(nowMs) * 1_000) / 1_000 : undefined,
    calls: load.started,
    failed: load.failed,
    successRate: pod.record?.window.rate,
    ejected: ejection && {
      reason: ejection.reason,
      sinceMs: wall(ejection.sinceMs),
      untilMs: wall(ejection.untilMs),
      times: pod.record!.times,
    },
    suspectSinceMs: pod.suspectSinceMs === undefined ? undefined : wall(pod.suspectSinceMs),
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
