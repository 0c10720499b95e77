/** gRFC A58's options of `weighted_round_robin`: https://github.com/grpc/proposal/blob/master/A58-client-side-weighted-round-robin-lb-policy.md */
const OF_REPORTS = [
  'enableOobLoadReport',
  'oobReportingPeriod',
  'blackoutPeriod',
  'weightExpirationPeriod',
  'weightUpdatePeriod',
  'errorUtilizationPenalty',
];

let hasWarned = false;

/**
 * A policy of a gRPC service config without the options that podwire does not support. By A58 `weighted_round_robin` takes its weights
 * from load reports of servers, which podwire does not read; it uses the registry's weights. The config is accepted all the same,
 * because other gRPC clients may share it, and one warning a process says so.
 */
export function withoutLoadReports(config: unknown): unknown {
  const options = (config as { readonly weighted_round_robin?: unknown } | null)?.weighted_round_robin;
  if (typeof options !== 'object' || options === null) return config;
  const left = Object.entries(options).filter(([key]) => !OF_REPORTS.includes(key));
  const unused = Object.keys(options).filter((key) => OF_REPORTS.includes(key));
  if (!hasWarned) warn(unused);
  hasWarned = true;
  return { ...(config as object), weighted_round_robin: Object.fromEntries(left) };
}

function warn(unused: readonly string[]): void {
  const not = unused.length === 0 ? '' : ` Not used: ${unused.join(', ')}.`;
  process.emitWarning(
    `the service config's weighted_round_robin (gRFC A58) takes weights from the servers' load reports, which podwire does not read: each Pod gets calls by its weight in the registry, which is 1 if the registry gives none.${not} To go by load, choose least_request or peak_ewma.`,
    { code: 'PODWIRE_NO_LOAD_REPORTS' },
  );
}
