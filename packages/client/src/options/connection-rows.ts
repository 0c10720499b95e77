import { AUTHORITY, HEADER_TEXT } from './check.ts';
import type { Rows } from './option-kinds.ts';
import { parseTls, withServerName } from './tls.ts';
import { parseTransport } from './transport.ts';

/** How connections to Pods are made, kept and ended. */
export const CONNECTION_ROWS = {
  transport: {
    kind: 'special',
    parse: (value, path) => parseTransport(value === undefined ? 'http2' : value, path),
  },
  tls: {
    kind: 'special',
    parse: (value, path, { sslTargetName }) => parseTls(withServerName(value, sslTargetName), path),
  },
  authority: { kind: 'text', form: AUTHORITY, grpc: 'grpc.default_authority' },
  userAgent: { kind: 'text', form: HEADER_TEXT, grpc: 'grpc.primary_user_agent' },
  userAgentSuffix: { kind: 'text', form: HEADER_TEXT, grpc: 'grpc.secondary_user_agent' },
  connectTimeoutMs: { kind: 'integer', min: 1, default: 5_000 },
  maxConnecting: { kind: 'integer', min: 1, default: 32 },
  maxConnectsPerSecond: { kind: 'integer', min: 1, default: 100 },
  // If one of the three is given, settings.ts adapts the defaults of the others.
  backoff: { kind: 'group' },
  'backoff.initialMs': {
    kind: 'integer',
    min: 1,
    default: 100,
    grpc: 'grpc.initial_reconnect_backoff_ms',
  },
  'backoff.maxMs': { kind: 'integer', min: 1, default: 10_000, grpc: 'grpc.max_reconnect_backoff_ms' },
  'backoff.downMs': { kind: 'integer', min: 1, default: 1_000 },
  keepalive: { kind: 'group' },
  'keepalive.timeMs': { kind: 'integer', min: 0, default: 10_000, grpc: 'grpc.keepalive_time_ms' },
  'keepalive.timeoutMs': { kind: 'integer', min: 1, default: 5_000, grpc: 'grpc.keepalive_timeout_ms' },
  'keepalive.withoutCalls': {
    kind: 'flag',
    default: false,
    grpc: 'grpc.keepalive_permit_without_calls',
  },
  maxConnectionsPerPod: { kind: 'integer', min: 1, max: 10, default: 2 },
  drainMs: { kind: 'integer', min: 0, default: 30_000, live: true },
} as const satisfies Rows;
