import { expect, test } from 'vitest';
import { encodeReportRequest, reportedWeight } from './load-report.ts';
import { ReportedLoad } from './reported-load.ts';

const OPTIONS = {
  oobPeriodMs: undefined,
  blackoutMs: 10_000,
  expirationMs: 180_000,
  updateMs: 1_000,
  errorPenalty: 1,
  metricNames: ['mem_utilization', 'named_metrics.queue', 'named_metrics.none'],
};

/** A field with a double. */
function double(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = number * 8 + 1;
  bytes.writeDoubleLE(value, 1);
  return bytes;
}
const [CPU, MEM, RPS, EPS, APPLICATION] = [1, 2, 6, 7, 9];
function report(
  values: Readonly<Record<number, number>>,
  named: Readonly<Record<string, number>> = {},
): Buffer {
  const fields = Object.entries(values).map(([number, value]) => double(Number(number), value));
  const entries = Object.entries(named).map(([key, value]) => {
    const entry = Buffer.concat([Buffer.from([0x0a, key.length]), Buffer.from(key), double(2, value)]);
    return Buffer.concat([Buffer.from([8 * 8 + 2, entry.length]), entry]);
  });
  return Buffer.concat([...fields, ...entries]);
}

test.each([
  ['calls over CPU', report({ [CPU]: 0.5, [RPS]: 100 }), 200],
  ['errors add to the utilization', report({ [CPU]: 0.5, [RPS]: 100, [EPS]: 50 }), 100],
  ['the application says it best', report({ [CPU]: 0.5, [MEM]: 0.9, [APPLICATION]: 0.25, [RPS]: 100 }), 400],
  [
    'else the largest of the named metrics',
    report({ [CPU]: 0.1, [MEM]: 0.2, [RPS]: 100 }, { queue: 0.5, x: 1 }),
    200,
  ],
  ['one that cannot be is not the largest', report({ [MEM]: 0.2, [RPS]: 100 }, { queue: Number.NaN }), 500],
  ['more than 1 is possible', report({ [APPLICATION]: 2, [RPS]: 100 }), 50],
])('the weight of a report: %s', (_name, bytes, weight) => {
  expect(reportedWeight(bytes, OPTIONS)).toBeCloseTo(weight);
});

test.each<readonly [string, Buffer]>([
  ['nothing', report({})],
  ['no calls', report({ [CPU]: 0.5 })],
  ['no utilization', report({ [RPS]: 100 })],
  ...[Number.NaN, -1, 1e308, Number.POSITIVE_INFINITY].flatMap((value) => [
    [`a utilization of ${value}`, report({ [CPU]: value, [RPS]: 100 })] as const,
    [
      `an application's utilization of ${value}`,
      report({ [APPLICATION]: value, [CPU]: 1, [RPS]: 100 }),
    ] as const,
    [`${value} calls a second`, report({ [CPU]: 0.5, [RPS]: value })] as const,
    [`${value} errors a second`, report({ [CPU]: 0.5, [RPS]: 100, [EPS]: value })] as const,
  ]),
  ['hardly any utilization', report({ [CPU]: 1e-300, [RPS]: 100 })],
])('is no report: %s', (_name, bytes) => {
  expect(reportedWeight(bytes, OPTIONS)).toBeUndefined();
});

test.each(['09', '0903', '4205ff', '4202090a'])('bytes that are no message are refused: %s', (hex) => {
  expect(() => reportedWeight(Buffer.from(hex, 'hex'), OPTIONS)).toThrow();
});

test('a report is asked for by a duration', () => {
  expect(encodeReportRequest(10_500).toString('hex')).toBe('0a08' + '080a' + '1080cab5ee01');
});

test('reports count after the blackout, until they expire, and are read ten times a second at most', () => {
  const load = new ReportedLoad();
  const good = report({ [CPU]: 0.5, [RPS]: 100 });
  expect([load.weight(OPTIONS, 0), load.isDue(0)]).toEqual([0, true]);
  load.read(good, OPTIONS, 1_000);
  expect([load.isDue(1_099), load.isDue(1_100)]).toEqual([false, true]);
  expect([load.weight(OPTIONS, 10_999), load.weight(OPTIONS, 11_000)]).toEqual([0, 200]);
  expect(load.read(report({}), OPTIONS, 20_000)).toBe(false);
  expect([load.weight(OPTIONS, 180_999), load.weight(OPTIONS, 181_000)]).toEqual([200, 0]);
  // After a gap the blackout begins anew, and so it does on a new connection.
  load.read(good, OPTIONS, 200_000);
  expect([load.weight(OPTIONS, 209_999), load.weight(OPTIONS, 210_000)]).toEqual([0, 200]);
  load.reset();
  expect(load.weight(OPTIONS, 210_001)).toBe(0);
});
