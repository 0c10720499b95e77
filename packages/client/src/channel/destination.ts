import { createRoute, type RouteTable, singleRoute } from '@podwire/routing';
import type { Cluster, ClusterState } from '../cluster/cluster.ts';
import {
  type ClusterContext,
  type ClusterSpec,
  openDirect,
  openMesh,
  openPool,
} from '../cluster/open-cluster.ts';
import type { MethodConfig } from '../options/method-config.ts';
import type { Mode } from '../options/mode.ts';
import type { Settings } from '../options/settings.ts';
import type { ConnectionPool } from '../pod/connection-pool.ts';

/** Routes over clusters of the target's Pods, in the place of one cluster for all calls. */
export interface Routing {
  readonly routes: RouteTable<MethodConfig>;
  /** The clusters that the routes name. Snapshots show the policy and registry of the first one as the channel's. */
  readonly clusters: readonly ClusterSpec[];
}

/** The channel's state is the first of these that a cluster has: gRPC's rule for aggregate states (`cluster_manager`). */
const ORDER: readonly ClusterState[] = ['ready', 'connecting', 'unknown', 'failing', 'empty'];

/** Where the calls of one mode go: a route table, and the clusters that its routes name. */
export class Destination {
  readonly mode: Mode;
  readonly routes: RouteTable<MethodConfig>;
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly #pool: ConnectionPool;
  /** Those whose policy is not the channel's. */
  readonly #ownPolicies: ReadonlySet<Cluster>;

  private constructor(
    mode: Mode,
    routes: RouteTable<MethodConfig>,
    clusters: readonly Cluster[],
    pool: ConnectionPool,
    ownPolicies: readonly Cluster[],
  ) {
    this.#ownPolicies = new Set(ownPolicies);
    this.mode = mode;
    this.routes = routes;
    this.clusters = new Map(clusters.map((cluster) => [cluster.name, cluster]));
    this.#pool = pool;
  }

  /** Opens a mode's clusters: `mesh` is one, and `direct` is one unless `routing` says otherwise. */
  static open(mode: Mode, context: ClusterContext, routing: Routing | undefined): Destination {
    const pool = openPool(mode, context);
    const single = singleRoute<MethodConfig>(createRoute(mode, mode, {}));
    if (mode === 'mesh') {
      const mesh = [openMesh(context, pool)];
      return new Destination(mode, single, mesh, pool, mesh);
    }
    const { routes, clusters } = routing ?? { routes: single, clusters: [{ name: mode }] };
    const opened = clusters.map((spec) => openDirect(context, pool, spec));
    const own = opened.filter((_, i) => clusters[i]!.policy !== undefined);
    return new Destination(mode, routes, opened, pool, own);
  }

  /** The cluster that stands for all in snapshots and errors of the channel. */
  get main(): Cluster {
    return this.clusters.values().next().value!;
  }

  get state(): ClusterState {
    const states = new Set([...this.clusters.values()].map(({ state }) => state));
    return ORDER.find((state) => states.has(state))!;
  }

  /** Whether calls may go out: every cluster is ready, or has no Pod that could become ready. */
  get warm(): boolean {
    let warm = false;
    for (const cluster of this.clusters.values()) {
      if (cluster.warm) warm = true;
      else if (cluster.state === 'unknown' || cluster.state === 'connecting' || cluster.state === 'ready')
        return false;
    }
    return warm;
  }

  has(cluster: Cluster): boolean {
    return this.clusters.get(cluster.name) === cluster;
  }

  /** Takes other settings while calls run. A cluster with a policy of its own keeps it. */
  configure({ policy, drainMs, health, panicThreshold, limits }: Settings): void {
    for (const cluster of this.clusters.values()) {
      const kept = this.#ownPolicies.has(cluster) ? cluster.policy : policy;
      const maxCallsPerPod = limits.perPod;
      cluster.configure({ drainMs, health, panicThreshold, maxCallsPerPod, policy: kept });
    }
  }

  /** Call it when new calls and waiting calls go elsewhere. Calls in flight finish within the drain time. */
  retire(): void {
    for (const cluster of this.clusters.values()) cluster.retire();
  }

  /** There is room for calls again. */
  flush(): void {
    for (const { queue } of this.clusters.values()) queue.flush();
  }

  /** Lets every call that waits look again. */
  reconsider(): void {
    for (const { queue } of this.clusters.values()) queue.reconsider();
  }

  /** Stops watching the registries. Calls go on with the Pods that are known. */
  closeFeeds(): void {
    for (const { feed } of this.clusters.values()) feed?.close();
  }

  close(reason: string): void {
    for (const cluster of this.clusters.values()) cluster.close(reason);
    this.#pool.close();
  }

  /** Whether Pods of it still have calls, after it was retired. */
  get isDrained(): boolean {
    return [...this.clusters.values()].every((cluster) => cluster.all.length === 0);
  }
}
