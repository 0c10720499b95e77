import { expect, test, vi } from 'vitest';
import { parseServiceConfig } from './service-config.ts';

const read = (policy: object) => parseServiceConfig({ loadBalancingConfig: [policy] }).policy?.loadReports;

test("a gRPC service config's weighted_round_robin takes the options of gRFC A58 and A114, without a warning", () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const given = {
    enableOobLoadReport: true,
    oobReportingPeriod: '5s',
    blackoutPeriod: { seconds: 1, nanos: 5e8 },
    weightExpirationPeriod: '60s',
    weightUpdatePeriod: '0.001s',
    errorUtilizationPenalty: 0.5,
    metricNamesForComputingUtilization: ['named_metrics.queue'],
  };
  expect(read({ weighted_round_robin: given })).toEqual({
    oobPeriodMs: 5_000,
    blackoutMs: 1_500,
    expirationMs: 60_000,
    updateMs: 100,
    errorPenalty: 0.5,
    metricNames: ['named_metrics.queue'],
  });
  expect(read({ weighted_round_robin: {} })).toEqual({
    oobPeriodMs: undefined,
    blackoutMs: 10_000,
    expirationMs: 180_000,
    updateMs: 1_000,
    errorPenalty: 1,
    metricNames: [],
  });
  expect(read({ zone_aware: { policy: 'weighted_round_robin' } })?.blackoutMs).toBe(10_000);
  expect(read({ round_robin: {} })).toBeUndefined();
  expect(warned).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

test('a config that was written for grpc-js means the same', () => {
  const given = {
    enable_oob_load_report: true,
    oob_load_reporting_period: '5s',
    blackout_period: { seconds: 1, nanos: 5e8 },
    weight_expiration_period: '60s',
    weight_update_period: '2s',
    error_utilization_penalty: 0.5,
  };
  expect(read({ weighted_round_robin: given })).toEqual({
    oobPeriodMs: 5_000,
    blackoutMs: 1_500,
    expirationMs: 60_000,
    updateMs: 2_000,
    errorPenalty: 0.5,
    metricNames: [],
  });
});

test.each([
  [{ blackout: 1 }, 'weighted_round_robin.blackout'],
  [
    { errorUtilizationPenalty: -1 },
    'weighted_round_robin.errorUtilizationPenalty: -1 must be a number from 0',
  ],
  [
    { blackoutPeriod: 10 },
    "weighted_round_robin.blackoutPeriod: 10 must be a duration in seconds, such as '1.5s'",
  ],
  [
    { metricNamesForComputingUtilization: 'x' },
    'metricNamesForComputingUtilization: "x" must be an array of texts',
  ],
])('%j is refused with the path', (options, text) => {
  expect(() => read({ weighted_round_robin: options })).toThrow(`serviceConfig.loadBalancingConfig[0].`);
  expect(() => read({ weighted_round_robin: options })).toThrow(text);
});
