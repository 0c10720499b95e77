import { readFileSync } from 'node:fs';
import { recognizedOptions } from '@grpc/grpc-js/build/src/channel-options.js';
import { describe, expect, test } from 'vitest';
import { grpcOptionNames } from './grpc-options.ts';
import { parseOptions } from './settings.ts';

/** The package's, which every call tells its server. */
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

const wrong: readonly (readonly [object, string])[] = [
  [{ polcy: 'random' }, "options.polcy is unknown; did you mean 'policy'?"],
  [
    { policy: 'least_requests' },
    'options.policy: "least_requests" is unknown; did you mean \'least_request\'?',
  ],
  [{ policy: { least_request: { choices: 2 } } }, 'options.policy.least_request.choices is'],
  [
    { policy: { least_request: { choiceCount: 1 } } },
    'options.policy.least_request.choiceCount: 1 must be an integer from 2 to 100',
  ],
  [
    { policy: { maglev: { loadBound: 0.5 } } },
    'options.policy.maglev.loadBound: 0.5 must be a number from 1',
  ],
  [{ hashKey: { heder: 'x' } }, "options.hashKey.heder is unknown; did you mean 'header'?"],
  [{ hashKey: { header: 'x customer' } }, 'options.hashKey.header: "x customer" must be a header\'s name'],
  [
    { policy: { ring_hash: { loadBound: Number.POSITIVE_INFINITY } } },
    'options.policy.ring_hash.loadBound: Infinity must be a number from 1',
  ],
  [{ authority: 'orders\r\nx-admin: 1' }, 'options.authority: "orders\\r\\nx-admin: 1" must be a host'],
  [{ authority: 'bücher.example' }, 'options.authority: "bücher.example" must be a host'],
  [{ userAgent: 'a\nb' }, 'options.userAgent: "a\\nb" must be 1 to 1024 printable ASCII characters'],
  [{ 'grpc.secondary_user_agent': 'x'.repeat(1_025) }, 'must be 1 to 1024 printable ASCII characters'],
  [
    { backoff: { initialMs: 500, maxMs: 100 } },
    'options.backoff.initialMs: 500 must not be more than maxMs, 100',
  ],
  [{ tls: { ca: 'garbage' } }, 'options.tls.ca: "what was given" is no PEM certificate'],
  [
    { tls: { caFile: '/dev/null' } },
    'options.tls: ["/dev/null"] cannot be read: /dev/null holds no PEM certificate',
  ],
  [
    { 'grpc.keepalive_permit_without_calls': true },
    'options["grpc.keepalive_permit_without_calls"]: true must be 0 or 1',
  ],
  [{ 'grpc.enable_retries': 'no' }, 'options["grpc.enable_retries"]: "no" must be 0 or 1'],
  [{ 'grpc.default_compression_algorithm': null }, 'null must be 0, 1 or 2'],
  [{ 'grpc.ssl_target_name_override': 5 }, 'options["grpc.ssl_target_name_override"]: 5 must be a string'],
  [{ mode: 'sidecar' }, 'options.mode: "sidecar" must be one of: direct, mesh'],
  [{ mesh: { address: 'nowhere' } }, 'options.mesh.address: "nowhere" must be host:port'],
  [{ transport: 'quic' }, 'options.transport: "quic" is not one of: '],
  [{ tls: { caFile: '/does/not/exist' } }, 'options.tls: ["/does/not/exist"] cannot be read: ENOENT'],
  [{ tls: { cert: 'PEM' } }, 'options.tls: ["cert"] must name a certificate and its key together'],
  [{ connectTimeoutMs: 0 }, 'options.connectTimeoutMs: 0 must be an integer from 1'],
  [{ connectTimeoutMs: '5s' }, 'options.connectTimeoutMs: "5s" must be an integer from 1'],
  [{ keepalive: { timeoutMs: Number.NaN } }, 'options.keepalive.timeoutMs: NaN must be an integer from 1'],
  [{ waiting: { maxCall: 1 } }, "options.waiting.maxCall is unknown; did you mean 'maxCalls'?"],
  [{ compression: 'br' }, 'options.compression: "br" must be one of: identity, gzip, deflate'],
  [{ subset: { size: 3 } }, "options.subset.client: undefined must be this client's ordinal"],
  [{ registries: [{}] }, 'options.registries[0]: {} must be a registry'],
  [{ serviceConfig: '{' }, 'options.serviceConfig: "{" is not JSON'],
  ...[
    'grpc.keepalive_time_ms',
    'grpc.keepalive_timeout_ms',
    'grpc.initial_reconnect_backoff_ms',
    'grpc.max_reconnect_backoff_ms',
    'grpc.max_send_message_length',
    'grpc.max_receive_message_length',
    'grpc.per_rpc_retry_buffer_size',
    'grpc.retry_buffer_size',
    'grpc.primary_user_agent',
    'grpc.secondary_user_agent',
    'grpc.default_authority',
    'grpc.service_config',
  ].map((name) => [{ [name]: -2 }, `options["${name}"]: -2 must be`] as const),
  [
    { 'grpc.initial_reconnect_backoff_ms': 500, 'grpc.max_reconnect_backoff_ms': 100 },
    'options["grpc.initial_reconnect_backoff_ms"]: 500 must not be more than maxMs, 100',
  ],
  [{ 'grpc.keepalive_time_ms': 1, keepalive: { timeMs: -1 } }, 'options.keepalive.timeMs: -1 must be'],
  [
    { 'grpc.service_config': '{"methodConfig":[{"name":[]}]}' },
    'options["grpc.service_config"].methodConfig[0].name: [] must name',
  ],
  [{ loadFactor: 1 }, "options.loadFactor is unknown; podwire's docs/options.md lists all"],
  [
    { 'grpc.per_message_compression': 0 },
    'options["grpc.per_message_compression"] is unknown; podwire\'s docs/options.md lists all',
  ],
  [{ 'grpc.keepalive_times_ms': 1 }, "did you mean 'grpc.keepalive_time_ms'?"],
  [{ 'grpc.default_compression_algorithm': 7 }, 'must be 0, 1 or 2'],
  [
    { serviceConfig: { methodConfig: [{ name: [] }] } },
    'options.serviceConfig.methodConfig[0].name: [] must name at least one',
  ],
  [
    { serviceConfig: { methodConfig: [{ name: [{ method: 'Get' }] }] } },
    '.name[0].method: "Get" needs a service',
  ],
  [
    { serviceConfig: { methodConfig: [{ name: [{ service: 1 }] }] } },
    '.name[0].service: 1 must be a service',
  ],
  [
    { serviceConfig: { methodConfig: [{ name: [{ service: 'shop.Orders/Get' }] }] } },
    '.name[0].service: "shop.Orders/Get" must be a service',
  ],
  [
    { serviceConfig: { methodConfig: [{ name: [{ service: 'a', method: '/Get' }] }] } },
    '.name[0].method: "/Get" must be a method',
  ],
  [
    { serviceConfig: { methodConfig: [{ name: [{}], timeout: '5' }] } },
    '.timeout: "5" must be a duration in seconds',
  ],
  [{ serviceConfig: { methodConfig: [{ name: [{}] }, { name: [{}] }] } }, 'is configured twice'],
  [
    { serviceConfig: { retryThrottling: { maxTokens: 0 } } },
    'retryThrottling.maxTokens: 0 must be an integer from 1 to 1000',
  ],
  [
    { serviceConfig: { loadBalancingConfig: [{ grpclb: {} }] } },
    'loadBalancingConfig: [{"grpclb":{}}] must hold one of: pick_first',
  ],
];

describe('options', () => {
  test.each(wrong)('%j are refused with path, value and rule', (options, message) => {
    expect(() => parseOptions(options)).toThrow(message);
  });

  test("grpc-js's name of the server is for TLS alone", () => {
    const name = (tls: object) =>
      parseOptions({ ...tls, 'grpc.ssl_target_name_override': 'orders.test' }).tls?.options('a').serverName;
    expect(name({})).toBeUndefined();
    expect(name({ tls: false })).toBeUndefined();
    expect(name({ tls: true })).toBe('orders.test');
    expect(name({ tls: { rejectUnauthorized: false } })).toBe('orders.test');
    expect(name({ tls: { serverName: 'own.test' } })).toBe('own.test');
  });

  test('never show a key in an error', () => {
    expect(() => parseOptions({ tls: { key: 42 } })).toThrow(
      'options.tls.key: "number" must be PEM text or a Buffer',
    );
    expect(() => parseOptions({ tls: { key: 'SECRET' } })).not.toThrow('SECRET');
  });

  test("of grpc-js mean the same, and podwire's own stand above them", () => {
    const settings = parseOptions({
      'grpc.keepalive_time_ms': 1_000,
      'grpc.keepalive_timeout_ms': 200,
      'grpc.max_receive_message_length': 99,
      'grpc.default_compression_algorithm': 2,
      'grpc.enable_retries': 0,
      'grpc.default_authority': 'orders.prod',
      'grpc.primary_user_agent': 'shop/1',
      'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ xds: {} }, { round_robin: {} }] }),
      keepalive: { timeMs: 3_000 },
      userAgent: undefined,
    });
    expect(settings).toMatchObject({
      keepalive: { timeMs: 3_000, timeoutMs: 200, withoutCalls: false },
      maxReceiveBytes: 99,
      compression: 'gzip',
      retries: false,
      authority: 'orders.prod',
      userAgent: `shop/1 grpc-node-podwire/${version}`,
      policy: { name: 'round_robin' },
    });
  });

  test('of grpc-js are known, all of them', () => {
    expect(Object.keys(recognizedOptions).filter((name) => !grpcOptionNames().includes(name))).toEqual([]);
  });

  test('may bound the attempts that a service config asks for, as in grpc-js', () => {
    const hedgingPolicy = { maxAttempts: 9 };
    const serviceConfig = { methodConfig: [{ name: [{}], hedgingPolicy }] };
    const attempts = (most: number) =>
      parseOptions({ serviceConfig, 'grpc-node.retry_max_attempts_limit': most }).serviceConfig.methodConfig(
        '/a/b',
      ).hedging?.maxAttempts;
    expect([attempts(1), attempts(7), attempts(20)]).toEqual([1, 7, 9]);
  });

  test('of a service config are found by method, by service, and by default', () => {
    const { serviceConfig } = parseOptions({
      serviceConfig: {
        methodConfig: [
          { name: [{ service: 'a.B', method: 'Get' }], timeout: '1.5s', waitForReady: true },
          { name: [{ service: 'a.B' }], timeout: { seconds: 2, nanos: 1e6 }, maxRequestMessageBytes: 10 },
          {
            name: [{}],
            hedgingPolicy: { maxAttempts: 9, hedgingDelay: '0.1s', nonFatalStatusCodes: ['unavailable', 8] },
          },
        ],
      },
    });
    expect(serviceConfig.methodConfig('/a.B/Get')).toEqual({ timeoutMs: 1_500, waitForReady: true });
    expect(serviceConfig.methodConfig('/a.B/Put')).toEqual({ timeoutMs: 2_001, maxSendBytes: 10 });
    expect(serviceConfig.methodConfig('/c.D/Get')).toEqual({
      hedging: { maxAttempts: 5, hedgingDelayMs: 100, nonFatalStatusCodes: new Set([14, 8]) },
    });
  });
});

test('one delay of the backoff alone moves the defaults of the others', () => {
  const backoff = (given: object) => parseOptions({ backoff: given }).backoff;
  expect(backoff({})).toEqual({ initialMs: 100, maxMs: 10_000, downMs: 1_000 });
  expect(backoff({ maxMs: 50 })).toEqual({ initialMs: 50, maxMs: 50, downMs: 50 });
  expect(backoff({ initialMs: 20_000 })).toEqual({ initialMs: 20_000, maxMs: 20_000, downMs: 20_000 });
  expect(backoff({ downMs: 30 })).toEqual({ initialMs: 30, maxMs: 10_000, downMs: 30 });
  expect(backoff({ downMs: 30_000 })).toEqual({ initialMs: 100, maxMs: 30_000, downMs: 30_000 });
});

test.each([
  { maxMs: 500, downMs: 600 },
  { initialMs: 200, downMs: 100 },
])('a delay for a set that is down is between the other two: %j', (backoff) => {
  expect(() => parseOptions({ backoff })).toThrow(/^options\.backoff\.downMs: \d+ must not be less than/);
});

test.each<[object, boolean]>([
  [{}, true],
  [{ keepalive: { timeoutMs: 100 } }, true],
  [{ keepalive: { withoutCalls: false } }, true],
  [{ keepalive: { timeMs: 10_000 } }, false],
  [{ keepalive: { withoutCalls: true } }, false],
  [{ 'grpc.keepalive_time_ms': 10_000 }, false],
  [{ 'grpc.keepalive_permit_without_calls': 1 }, false],
])('of %j, only the keepalive that nobody asked for spares servers', (options, sparing) => {
  expect(parseOptions(options).keepalive.sparing).toBe(sparing);
});
