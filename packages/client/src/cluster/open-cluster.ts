import {
  createPolicy,
  type MonitorFactory,
  OutlierDetection,
  type Policy,
  SlowStart,
} from '@podwire/balancer';
import { ACCEPT_ENCODING } from '@podwire/http2';
import {
  type Endpoint,
  type EndpointSet,
  type OpenedTarget,
  parseAddress,
  type ServiceWatch,
  toEndpoint,
  type WatchStatus,
  watchService,
} from '@podwire/registry';
import type { Env } from '../env.ts';
import type { ClusterReport } from '../observe/observer.ts';
import type { Mode } from '../options/mode.ts';
import type { Settings } from '../options/settings.ts';
import { ConnectGate } from '../pod/connect-gate.ts';
import { ConnectionPool } from '../pod/connection-pool.ts';
import { PingTime } from '../pod/ping-time.ts';
import type { ClientPod } from '../pod/pod.ts';
import { HealthMonitor } from '../watches/health-monitor.ts';
import { LoadMonitor } from '../watches/load-monitor.ts';
import { Cluster, type ClusterOptions } from './cluster.ts';
import type { ClientMonitorFactory } from './monitors.ts';
import { defaultAuthority } from './names.ts';
import { SubsetGrowth } from './subset-growth.ts';
import type { WaitLimit } from './wait-queue.ts';
import { ZoneFinder } from './zone-finder.ts';

/** A channel, as its clusters tell it their changes. */
export interface ClusterListener {
  onChange(cluster: Cluster): void;
  onPod(pod: ClientPod): void;
  /** A Pod says something else of its health. */
  onHealth(pod: ClientPod): void;
  onSet(set: EndpointSet): void;
  onRegistry(status: WatchStatus): void;
  onReport(report: ClusterReport): void;
}

/** The objects with which all clusters of a channel are opened. */
export interface ClusterContext {
  readonly target: OpenedTarget;
  readonly service: string;
  readonly settings: Settings;
  readonly env: Env;
  readonly waitLimit: WaitLimit;
  readonly listener: ClusterListener;
}

/** One cluster, as routes name it. */
export interface ClusterSpec {
  readonly name: string;
  /** Default: the channel's. */
  readonly policy?: Policy;
  /** Selects its Pods from those of the target. Default: all. */
  readonly accepts?: (endpoint: Endpoint) => boolean;
  readonly monitors?: readonly ClientMonitorFactory[];
}

/** The pool of connections for one mode: to the Pods, or to the mesh. */
export function openPool(mode: Mode, { target, service, settings, env }: ClusterContext): ConnectionPool {
  const { connectTimeoutMs, keepalive, tls, transport, backoff, maxConnectionsPerPod } = settings;
  const serverName = hostOf(authorityOf(mode, settings, target, service));
  const pings = new PingTime(service, keepalive.timeMs);
  return new ConnectionPool({
    env,
    transport,
    pings,
    backoff,
    maxConnectionsPerPod,
    gate: new ConnectGate(env.clock, settings.maxConnecting, settings.maxConnectsPerSecond),
    connectionOptions: ({ host, port, path }) => ({
      host,
      port,
      path,
      tls: tls?.options(serverName),
      connectTimeoutMs,
      keepaliveTimeMs: pings.timeMs,
      keepaliveTimeoutMs: keepalive.timeoutMs,
      keepaliveWithoutCalls: keepalive.withoutCalls,
      keepaliveSparing: keepalive.sparing,
      maxHeaderListBytes: settings.maxHeaderBytes,
      suspicion: settings.suspicion,
      env,
    }),
  });
}

/** A cluster with the Pods of the target's registry. */
export function openDirect(context: ClusterContext, pool: ConnectionPool, spec: ClusterSpec): Cluster {
  const { target, settings, env, listener } = context;
  const { clock, random } = env;
  const { zone } = settings;
  const growth =
    settings.subset &&
    new SubsetGrowth({
      clock,
      options: settings.subset,
      pods: () => cluster.pods,
      use: (endpoints) => cluster.update(endpoints),
    });
  const options = clusterOptions('direct', context, pool);
  const watching = {
    env,
    head: { authority: options.authority, headers: options.commonHeaders },
    callCredentials: settings.callCredentials,
  };
  const loads: ClientMonitorFactory = (control) =>
    new LoadMonitor(control, { ...watching, loadReports: () => cluster.policy.loadReports });
  const health: ClientMonitorFactory = (control) =>
    new HealthMonitor(control, {
      ...watching,
      // With `pick_first` no health is watched, as gRFC A17 has it.
      health: () => (cluster.policy.order === undefined ? cluster.settings.health : false),
      onHealth: (pod) => listener.onHealth(pod),
      onAnswered: () => cluster.onAnswered(),
    });
  const cluster: Cluster = new Cluster({
    ...options,
    ...spec,
    monitors: [health, loads, ...ownMonitors(settings), ...(spec.monitors ?? [])],
    ...(zone !== undefined && { zone: () => zone.name }),
    ...(growth !== undefined && { onLoss: () => growth.look() }),
  });
  const { accepts } = spec;
  const finder = zone && new ZoneFinder(zone, target.registry, target.service, env, () => cluster.refresh());
  const watch = watchService(
    target.registry,
    target.service,
    {
      clock,
      random,
      holdMs: settings.holdMs,
      snapshotKey: target.target.text,
      ...(settings.snapshotDir !== undefined && { snapshotDir: settings.snapshotDir }),
      isAlive: (id) => cluster.pods.get(id)?.state === 'ready',
    },
    {
      onSet: (set) => {
        finder?.onSet(set.endpoints);
        const accepted = accepts === undefined ? set.endpoints : set.endpoints.filter(accepts);
        if (growth === undefined) cluster.update(accepted);
        else growth.onSet(accepted);
        listener.onSet(set);
      },
      onStatus: (status) => listener.onRegistry(status),
    },
  );
  cluster.feed = closingAll(watch, finder, growth);
  return cluster;
}

function closingAll(
  watch: ServiceWatch,
  finder: ZoneFinder | undefined,
  growth: SubsetGrowth | undefined,
): ServiceWatch {
  return {
    get set() {
      return watch.set;
    },
    get status() {
      return watch.status;
    },
    recheck: () => watch.recheck(),
    close() {
      finder?.close();
      growth?.close();
      watch.close();
    },
  };
}

/** A cluster with one address, behind which the mesh balances. */
export function openMesh(context: ClusterContext, pool: ConnectionPool): Cluster {
  const { meshAddress: address, meshHeaders } = context.settings;
  const policy = createPolicy('pick_first');
  const cluster = new Cluster({ ...clusterOptions('mesh', context, pool), policy });
  cluster.update([toEndpoint({ address: address!, attributes: meshHeaders })]);
  return cluster;
}

/** The monitors that the options ask for. */
function ownMonitors({ outlierDetection, slowStart }: Settings): MonitorFactory[] {
  const monitors: MonitorFactory[] = [];
  if (outlierDetection !== undefined)
    monitors.push((control) => new OutlierDetection(control, outlierDetection));
  if (slowStart !== undefined) monitors.push((control) => new SlowStart(control, slowStart));
  return monitors;
}

function clusterOptions(mode: Mode, context: ClusterContext, pool: ConnectionPool): ClusterOptions {
  const { target, service, settings, env, waitLimit, listener } = context;
  return {
    name: mode,
    env,
    pool,
    waitLimit,
    policy: settings.policy,
    drainMs: settings.drainMs,
    health: settings.health,
    panicThreshold: settings.panicThreshold,
    maxCallsPerPod: settings.limits.perPod,
    authority: authorityOf(mode, settings, target, service),
    commonHeaders: [
      'te',
      'trailers',
      'content-type',
      'application/grpc',
      'user-agent',
      settings.userAgent,
      'grpc-accept-encoding',
      ACCEPT_ENCODING,
    ],
    onChange: (cluster) => listener.onChange(cluster),
    onPod: (pod) => listener.onPod(pod),
    onReport: (report) => listener.onReport(report),
  };
}

function authorityOf(mode: Mode, settings: Settings, target: OpenedTarget, service: string): string {
  if (settings.authority !== undefined) return settings.authority;
  return mode === 'mesh' ? settings.meshAddress! : defaultAuthority(target, service);
}

function hostOf(authority: string): string {
  try {
    return parseAddress(authority, 'authority').host;
  } catch {
    return authority;
  }
}
