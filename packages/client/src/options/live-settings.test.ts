import { expect, test } from 'vitest';
import { withLive } from './live-settings.ts';
import { OPTION_TABLE } from './option-table.ts';
import { isSame } from './same.ts';
import { parseOptions, type Settings } from './settings.ts';

/** A value of each option that is not its default. */
const OTHER: Record<string, unknown> = {
  name: 'other',
  policy: 'random',
  mode: 'mesh',
  mesh: { address: 'other:1', headers: { a: 'b' } },
  zone: 'other',
  subset: { size: 1, client: 0 },
  health: { serviceName: 'other' },
  snapshotDir: '/other',
  holdMs: 1,
  registries: [{ scheme: 'other', watch: () => {} }],
  transport: 'node-http2',
  authority: 'other',
  userAgent: 'other',
  userAgentSuffix: 'suffix',
  connectTimeoutMs: 1,
  maxConnecting: 1,
  maxConnectsPerSecond: 1,
  backoff: { initialMs: 1, maxMs: 3, downMs: 2 },
  keepalive: { timeMs: 1, timeoutMs: 1, withoutCalls: true },
  maxConnectionsPerPod: 1,
  drainMs: 1,
  outlierDetection: false,
  slowStart: { windowMs: 1 },
  suspicion: false,
  panicThreshold: 1,
  hashKey: { header: 'other' },
  waiting: { maxCalls: 1, timeoutMs: 1 },
  maxReceiveBytes: 1,
  maxSendBytes: 1,
  maxHeaderBytes: 1024,
  compression: 'gzip',
  serviceConfig: { retryThrottling: {} },
  retries: false,
  limits: { perPod: 1 },
  retryBudget: { percent: 1 },
  retryBuffer: { perCallBytes: 1, perChannelBytes: 1 },
};

/** Options whose values need others, or are of grpc-js. */
const ELSEWHERE = ['tls', 'callCredentials'];

/** Which settings are those of the second: all that live options make. */
function taken(option: string, before: Settings, after: Settings): string[] {
  const now = withLive(before, after);
  const keys = Object.keys(before).filter((key) => key !== 'given') as (keyof Settings)[];
  // A service config is another one each time that it is parsed.
  const others = keys.filter((key) => key !== 'serviceConfig' || key === option);
  return others.filter((key) => !isSame(before[key], after[key]) && isSame(now[key], after[key]));
}

const groupOf = (name: string) => name.split('.')[0]!;

test('every option has another value here', () => {
  const groups = new Set(Object.keys(OPTION_TABLE).map(groupOf));
  expect([...Object.keys(OTHER), ...ELSEWHERE].sort()).toEqual([...groups].sort());
});

test.each(Object.keys(OTHER))('%s is taken while calls run if its row says so', (option) => {
  const rows = Object.entries(OPTION_TABLE).filter(([name]) => groupOf(name) === option);
  const isLive = rows.some(([, row]) => 'live' in row && row.live);
  const found = taken(option, parseOptions({}), parseOptions({ [option]: OTHER[option] }));
  expect(found.length > 0).toBe(isLive);
});

const methodConfig = [{ name: [{}], timeout: '1s' }];
const loadBalancingConfig = [{ pick_first: {} }];

test.each([
  [{}, { serviceConfig: { methodConfig } }],
  [{ policy: 'maglev' }, { policy: 'maglev', serviceConfig: { methodConfig } }],
  [{ policy: 'maglev' }, { policy: 'maglev', serviceConfig: { loadBalancingConfig } }],
  [{ serviceConfig: { loadBalancingConfig } }, { serviceConfig: { loadBalancingConfig }, drainMs: 1 }],
])('from %j to %j the policy is the same one', (before, after) => {
  const settings = parseOptions(before);
  expect(withLive(settings, parseOptions(after)).policy).toBe(settings.policy);
});

test.each([
  [{}, { policy: 'random' }],
  [{ policy: 'maglev' }, { policy: { maglev: { loadBound: 2 } } }],
  [{}, { serviceConfig: { loadBalancingConfig } }],
  [{ serviceConfig: { loadBalancingConfig } }, {}],
  [{ serviceConfig: { loadBalancingConfig } }, { policy: 'maglev', serviceConfig: { loadBalancingConfig } }],
])('from %j to %j the policy is another one', (before, after) => {
  const settings = parseOptions(after);
  expect(withLive(parseOptions(before), settings).policy).toBe(settings.policy);
});
