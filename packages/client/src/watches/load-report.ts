import type { LoadReports } from '@podwire/balancer';
import { bytesField, numberField, readFields } from './protobuf.ts';

/** `/package.Service/Method` of the reports that come apart from calls (gRFC A51). */
export const REPORTS_PATH = '/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics';
/** The trailer with a call's report (gRFC A51). */
export const REPORT_TRAILER = 'endpoint-load-metrics-bin';

/** Fields of `OrcaLoadReport`: https://github.com/cncf/xds/blob/main/xds/data/orca/v3/orca_load_report.proto */
const Field = { CPU: 1, MEM: 2, RPS: 6, EPS: 7, NAMED: 8, APPLICATION: 9 } as const;
/** What is beyond any machine: a report that says so is none, and no sum of such weights overflows. */
const MOST = 1e15;

/** An `OrcaLoadReportRequest`, which asks for a report every `periodMs`. */
export function encodeReportRequest(periodMs: number): Buffer {
  const seconds = Math.floor(periodMs / 1_000);
  const nanos = Math.round((periodMs - seconds * 1_000) * 1e6);
  return bytesField(1, Buffer.concat([numberField(1, seconds), numberField(2, nanos)]));
}

/**
 * The weight that follows from an `OrcaLoadReport`: calls a second over utilization, to which errors add (gRFC A58, A114). Undefined for a
 * report without calls or utilization, or with numbers that cannot be. Throws for bytes that are no message.
 */
export function reportedWeight(
  report: Buffer,
  { metricNames, errorPenalty }: Pick<LoadReports, 'metricNames' | 'errorPenalty'>,
): number | undefined {
  const metrics = new Map<string, number>();
  let callsPerSecond = 0;
  let errorsPerSecond = 0;
  readFields(report, (number, value) => {
    if (number === Field.NAMED) addEntry(metrics, value);
    if (typeof value !== 'number') return;
    if (number === Field.CPU) metrics.set('cpu_utilization', value);
    else if (number === Field.MEM) metrics.set('mem_utilization', value);
    else if (number === Field.APPLICATION) metrics.set('application_utilization', value);
    else if (number === Field.RPS) callsPerSecond = value;
    else if (number === Field.EPS) errorsPerSecond = value;
  });
  if (!isPossible(callsPerSecond) || !(errorsPerSecond === 0 || isPossible(errorsPerSecond)))
    return undefined;
  const utilization = utilizationOf(metrics, metricNames);
  if (!isPossible(utilization)) return undefined;
  const weight = callsPerSecond / (utilization + (errorsPerSecond / callsPerSecond) * errorPenalty);
  return isPossible(weight) ? weight : undefined;
}

/** gRFC A114. A metric that is 0 counts as one that is not reported. */
function utilizationOf(metrics: ReadonlyMap<string, number>, names: readonly string[]): number {
  const application = metrics.get('application_utilization') ?? 0;
  if (application !== 0) return application;
  const named = names.map((name) => metrics.get(name) ?? 0).filter((value) => value > 0 && value < MOST);
  return named.length > 0 ? Math.max(...named) : (metrics.get('cpu_utilization') ?? 0);
}

/** An entry of a map from texts to numbers, under the name that options have for it. */
function addEntry(metrics: Map<string, number>, entry: number | Buffer): void {
  if (typeof entry === 'number') return;
  let key = '';
  let metric = 0;
  readFields(entry, (number, value) => {
    if (number === 1 && typeof value !== 'number') key = value.toString();
    else if (number === 2 && typeof value === 'number') metric = value;
  });
  metrics.set(`named_metrics.${key}`, metric);
}

function isPossible(value: number): boolean {
  return value > 0 && value < MOST;
}
