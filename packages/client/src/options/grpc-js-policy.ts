/** grpc-js's names for the options of gRFC A58, which it writes in another way than gRPC's other clients (load-balancer-weighted-round-robin.js). */
const OWN_NAMES: Readonly<Record<string, string>> = {
  enable_oob_load_report: 'enableOobLoadReport',
  oob_load_reporting_period: 'oobReportingPeriod',
  blackout_period: 'blackoutPeriod',
  weight_expiration_period: 'weightExpirationPeriod',
  weight_update_period: 'weightUpdatePeriod',
  error_utilization_penalty: 'errorUtilizationPenalty',
};

/** Names of policies that gRPC's clients took before the policies were final (gRFC A42, A48, A58), and take still. */
const EXPERIMENTAL = /^(least_request|ring_hash|weighted_round_robin)_experimental$/;

/** The same entry of `loadBalancingConfig` under the policy's final name. */
export function withFinalName(config: unknown): unknown {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return config;
  return Object.fromEntries(
    Object.entries(config).map(([name, options]) => [EXPERIMENTAL.exec(name)?.[1] ?? name, options]),
  );
}

/** A policy of a service config that was written for grpc-js, in gRPC's names. Whatever else is wrong with it is left to the policy's parser. */
export function fromGrpcJs(config: unknown): unknown {
  const options = (config as { readonly weighted_round_robin?: unknown } | null)?.weighted_round_robin;
  if (typeof options !== 'object' || options === null) return config;
  const named = Object.entries(options).map(([name, value]) => [OWN_NAMES[name] ?? name, value]);
  return { ...(config as object), weighted_round_robin: Object.fromEntries(named) };
}
