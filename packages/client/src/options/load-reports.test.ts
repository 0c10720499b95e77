import { afterEach, beforeEach, expect, test, vi } from 'vitest';

beforeEach(() => vi.resetModules());
afterEach(() => vi.restoreAllMocks());

const A58 = { enableOobLoadReport: true, blackoutPeriod: '10s', errorUtilizationPenalty: 1 };

async function read(...policies: object[]) {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const { parseServiceConfig } = await import('./service-config.ts');
  const names = policies.map((policy) => parseServiceConfig({ loadBalancingConfig: [policy] }).policy?.name);
  return { names, warnings: warned.mock.calls.map(([text, options]) => ({ text: String(text), options })) };
}

test("a gRPC service config's weighted_round_robin is taken, and says once that load reports are not read", async () => {
  const { names, warnings } = await read({ weighted_round_robin: A58 }, { weighted_round_robin: {} });
  expect(names).toEqual(['weighted_round_robin', 'weighted_round_robin']);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]?.options).toEqual({ code: 'PODWIRE_NO_LOAD_REPORTS' });
  expect(warnings[0]?.text).toMatch(
    /load reports, which podwire does not read: .* by its weight in the registry/,
  );
  expect(warnings[0]?.text).toContain(
    'Not used: enableOobLoadReport, blackoutPeriod, errorUtilizationPenalty. To go by load, choose',
  );
});

test('other policies say nothing, and an option that no gRFC has is still refused', async () => {
  const { warnings } = await read({ round_robin: {} }, { least_request: {} });
  expect(warnings).toEqual([]);
  await expect(read({ weighted_round_robin: { blackout: 1 } })).rejects.toThrow(
    'serviceConfig.loadBalancingConfig[0].weighted_round_robin.blackout',
  );
});
