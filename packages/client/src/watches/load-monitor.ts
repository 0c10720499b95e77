import type { AttemptFacts, LoadReports, Monitor, PodControl } from '@podwire/balancer';
import { header } from '@podwire/http2';
import type { ClientPod } from '../pod/pod.ts';
import { encodeReportRequest, REPORT_TRAILER, REPORTS_PATH } from './load-report.ts';
import { PodWatch, type WatchRequest } from './pod-watch.ts';
import { ReportedLoad } from './reported-load.ts';
import type { WatchingCluster } from './watching-cluster.ts';

/** The cluster whose Pods report. */
export interface ReportingCluster extends WatchingCluster {
  /** How the policy takes reports now; undefined for a policy that takes none. */
  loadReports(): LoadReports | undefined;
}

/** One Pod, and the stream on which it reports apart from calls. */
interface Reporter {
  readonly load: ReportedLoad;
  watch: PodWatch | undefined;
}

/**
 * Weighs a cluster's Pods by the load that they report (gRFC A58). A Pod that does not report has the mean weight of those that do; while
 * fewer than two report, the registry's weights hold.
 */
export class LoadMonitor implements Monitor<ClientPod> {
  readonly name = 'load reports';
  /** Undefined unless reports come with calls, so that attempts cost nothing else. */
  onAttemptEnd: ((attempt: AttemptFacts<ClientPod>) => void) | undefined;
  readonly #control: PodControl<ClientPod>;
  readonly #cluster: ReportingCluster;
  #options: LoadReports | undefined;
  #request: WatchRequest | undefined;
  readonly #reporters = new Map<ClientPod, Reporter>();
  #weighedMs = Number.NEGATIVE_INFINITY;
  #hasWarned = false;

  constructor(control: PodControl<ClientPod>, cluster: ReportingCluster) {
    this.#control = control;
    this.#cluster = cluster;
  }

  onPods(pods: readonly ClientPod[]): void {
    this.#configure(this.#cluster.loadReports());
    const { size } = this.#reporters;
    if (this.#options === undefined && size === 0) return;
    const stay = new Set(this.#options === undefined ? [] : pods);
    for (const [pod, reporter] of this.#reporters) if (!stay.has(pod)) this.#forget(pod, reporter);
    for (const pod of stay) if (!this.#reporters.has(pod)) this.#add(pod);
    // The registry's weights may have changed as well.
    if (size > 0) this.#weigh(this.#cluster.env.clock.nowMs());
  }

  onReady(pod: ClientPod): void {
    const reporter = this.#reporters.get(pod);
    reporter?.load.reset();
    reporter?.watch?.begin();
  }

  tick(nowMs: number): number | undefined {
    if (this.#options === undefined) return undefined;
    this.#weigh(nowMs);
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { load } of this.#reporters.values())
      nextMs = Math.min(nextMs, load.changesMs(this.#options, nowMs));
    return Number.isFinite(nextMs) ? Math.max(nextMs, nowMs + this.#options.updateMs) : undefined;
  }

  close(): void {
    for (const [pod, reporter] of this.#reporters) this.#forget(pod, reporter);
  }

  #configure(options: LoadReports | undefined): void {
    const before = this.#options;
    if (options === before) return;
    this.#options = options;
    this.onAttemptEnd =
      options === undefined || options.oobPeriodMs !== undefined
        ? undefined
        : (one) => this.#onAttemptEnd(one);
    if (options?.oobPeriodMs === before?.oobPeriodMs) return;
    this.#request =
      options?.oobPeriodMs === undefined
        ? undefined
        : {
            method: { path: REPORTS_PATH, ...this.#cluster.head },
            message: encodeReportRequest(options.oobPeriodMs),
            credentials: this.#cluster.callCredentials,
          };
    for (const [pod, reporter] of this.#reporters) {
      reporter.watch?.stop();
      reporter.watch = this.#watch(pod, reporter.load);
    }
  }

  #onAttemptEnd({ pod, trailers, endedMs }: AttemptFacts<ClientPod>): void {
    const load = this.#reporters.get(pod)?.load;
    if (load === undefined || trailers.length === 0 || !load.isDue(endedMs)) return;
    const value = header(trailers, REPORT_TRAILER);
    if (value === undefined) return;
    try {
      this.#take(load, Buffer.from(value, 'base64'), endedMs);
    } catch {
      // It is no report: the call has nothing to do with that.
    }
  }

  /** Throws for bytes that are no message. */
  #take(load: ReportedLoad, report: Buffer, nowMs: number): void {
    const options = this.#options;
    if (options === undefined || !load.isDue(nowMs) || !load.read(report, options, nowMs)) return;
    this.#control.tickAt(Math.max(nowMs, this.#weighedMs + options.updateMs));
  }

  #add(pod: ClientPod): void {
    const load = new ReportedLoad();
    this.#reporters.set(pod, { load, watch: this.#watch(pod, load) });
  }

  #watch(pod: ClientPod, load: ReportedLoad): PodWatch | undefined {
    if (this.#request === undefined) return undefined;
    const { env } = this.#cluster;
    const watch = new PodWatch(pod, this.#request, env, {
      onMessage: (report) => this.#take(load, report, env.clock.nowMs()),
      onBroken() {},
      onUnsupported: (why) => why === 'unimplemented' && this.#warn(pod),
    });
    if (pod.state === 'ready') watch.begin();
    return watch;
  }

  #forget(pod: ClientPod, { watch }: Reporter): void {
    watch?.stop();
    this.#reporters.delete(pod);
    this.#control.weigh(pod, 1);
  }

  #weigh(nowMs: number): void {
    const options = this.#options;
    if (options === undefined) return;
    this.#weighedMs = nowMs;
    let sum = 0;
    let count = 0;
    for (const [pod, { load }] of this.#reporters) {
      const weight = pod.state === 'ready' ? load.weight(options, nowMs) : 0;
      sum += weight;
      if (weight > 0) count += 1;
    }
    const mean = sum / count;
    for (const [pod, { load }] of this.#reporters) {
      const weight = load.weight(options, nowMs);
      // What the registry says of the Pod is replaced; a weight of 0 stays 0, whatever its factor.
      const factor = count < 2 ? 1 : (weight > 0 ? weight / mean : 1) / (pod.endpoint.weight || 1);
      if (factor === load.factor) continue;
      load.factor = factor;
      this.#control.weigh(pod, factor);
    }
  }

  #warn({ id }: ClientPod): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    process.emitWarning(
      `${id} has no service for load reports (xds.service.orca.v3.OpenRcaService), for which the policy asks by enableOobLoadReport: its weight is the mean of those that report.`,
      { code: 'PODWIRE_NO_LOAD_REPORTS' },
    );
  }
}
