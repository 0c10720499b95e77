import { expect, test } from 'vitest';
import { parseOptions } from '../options/settings.ts';
import { diffSettings } from './diff-settings.ts';

const diff = (before: object, after: object) => diffSettings(parseOptions(before), parseOptions(after));
const registry = { scheme: 'x', watch: () => {} };

test.each([
  [{}, {}],
  [{ 'grpc.keepalive_time_ms': 5 }, { keepalive: { timeMs: 5 } }],
  [{ userAgent: undefined }, {}],
  [{ policy: { maglev: { loadBound: 2 } } }, { policy: { maglev: { loadBound: 2 } } }],
  [{ subset: { size: 1, client: 0 } }, { subset: { size: 1, client: 0 } }],
  [{ registries: [registry] }, { registries: [registry] }],
  [{ waiting: {} }, {}],
  [
    { 'grpc.enable_retries': 1, 'grpc.service_config': { loadBalancingConfig: [] } },
    { serviceConfig: { loadBalancingConfig: [] }, retries: true },
  ],
])('%j and %j are the same', (before, after) => {
  expect(diff(before, after)).toEqual({ applies: [], needsRestart: [] });
});

test.each([
  [{ policy: 'random' }, ['policy']],
  [{ policy: { maglev: {} } }, ['policy']],
  [{ mode: 'direct' }, ['mode']],
  [{ waiting: { maxCalls: 1, timeoutMs: 1 } }, ['waiting.maxCalls', 'waiting.timeoutMs']],
  [{ hashKey: { header: 'a' } }, ['hashKey']],
  [{ drainMs: 1 }, ['drainMs']],
  [{ maxSendBytes: 1, maxReceiveBytes: 1 }, ['maxReceiveBytes', 'maxSendBytes']],
  [{ retries: false }, ['retries']],
  [{ serviceConfig: { methodConfig: [{ name: [{}], timeout: '1s' }] } }, ['serviceConfig']],
  [{ 'grpc-node.retry_max_attempts_limit': 3 }, ['maxAttempts']],
])('a channel takes %j while calls run', (options, applies) => {
  expect(diff({}, options)).toEqual({ applies, needsRestart: [] });
  expect(diff(options, {})).toEqual({ applies, needsRestart: [] });
});

test.each([
  [{ name: 'a' }, ['name']],
  [{ transport: 'node-http2' }, ['transport']],
  [{ tls: true }, ['tls']],
  [{ authority: 'a' }, ['authority']],
  [{ zone: 'a' }, ['zone']],
  [{ subset: { size: 1, client: 0 } }, ['subset', 'subset.size', 'subset.client']],
  [{ mesh: { address: 'a:1' } }, ['mesh', 'mesh.address']],
  [{ registries: [registry] }, ['registries']],
  [{ snapshotDir: '/x' }, ['snapshotDir']],
  [{ keepalive: { timeMs: 10_000 } }, ['keepalive.timeMs']],
  [{ connectTimeoutMs: 1 }, ['connectTimeoutMs']],
  [{ backoff: { initialMs: 1 } }, ['backoff.initialMs']],
])('%j needs a channel that is made anew', (options, needsRestart) => {
  expect(diff({}, options)).toEqual({ applies: [], needsRestart });
  expect(diff(options, {})).toEqual({ applies: [], needsRestart });
});

test('changes of both kinds are told apart', () => {
  expect(
    diff(
      { policy: 'random', tls: { serverName: 'a' }, waiting: { maxCalls: 1 } },
      { policy: 'maglev', tls: { serverName: 'b' }, waiting: { maxCalls: 1, timeoutMs: 1 } },
    ),
  ).toEqual({ applies: ['policy', 'waiting.timeoutMs'], needsRestart: ['tls'] });
});
