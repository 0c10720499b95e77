import { InvalidInput, unknownKey } from '@podwire/registry';

/** Settings that an option of grpc-js stands for, in podwire's own words. */
type Translate = (value: unknown, path: string) => Record<string, unknown>;

const ms =
  (group: string, name: string): Translate =>
  (value) => ({ [group]: { [name]: value } });
const same =
  (name: string): Translate =>
  (value) => ({ [name]: value });
/** What is neither 0 nor 1 would be taken for one of them without a word. */
const flag =
  (translate: (on: boolean) => Record<string, unknown>): Translate =>
  (value, path) => {
    if (value === 0 || value === 1) return translate(value === 1);
    throw new InvalidInput(path, value, 'must be 0 or 1');
  };
const nothing: Translate = () => ({});

/** https://github.com/grpc/grpc-node/blob/master/packages/grpc-js/README.md#supported-channel-options */
const OPTIONS: Readonly<Record<string, Translate>> = {
  'grpc.ssl_target_name_override': same('sslTargetName'),
  'grpc.primary_user_agent': (value) => ({ userAgent: value }),
  'grpc.secondary_user_agent': (value) => ({ userAgentSuffix: value }),
  'grpc.default_authority': same('authority'),
  'grpc.keepalive_time_ms': ms('keepalive', 'timeMs'),
  'grpc.keepalive_timeout_ms': ms('keepalive', 'timeoutMs'),
  'grpc.keepalive_permit_without_calls': flag((on) => ({ keepalive: { withoutCalls: on } })),
  'grpc.service_config': same('serviceConfig'),
  'grpc.initial_reconnect_backoff_ms': ms('backoff', 'initialMs'),
  'grpc.max_reconnect_backoff_ms': ms('backoff', 'maxMs'),
  'grpc.max_send_message_length': same('maxSendBytes'),
  'grpc.max_receive_message_length': same('maxReceiveBytes'),
  'grpc.default_compression_algorithm': (value, path) => ({ compression: compression(value, path) }),
  'grpc.enable_retries': flag((on) => ({ retries: on })),
  'grpc.per_rpc_retry_buffer_size': ms('retryBuffer', 'perCallBytes'),
  'grpc.retry_buffer_size': ms('retryBuffer', 'perChannelBytes'),
  // What they govern does not exist here: podwire has no global pool of connections and no channelz, never goes
  // through an HTTP proxy, takes its service config from its options alone, and bounds session memory by flow control.
  'grpc.use_local_subchannel_pool': nothing,
  'grpc.enable_channelz': nothing,
  'grpc.enable_http_proxy': nothing,
  'grpc.service_config_disable_resolution': nothing,
  'grpc.client_idle_timeout_ms': nothing,
  'grpc.dns_min_time_between_resolutions_ms': nothing,
  'grpc-node.max_session_memory': nothing,
  'grpc-node.flow_control_window': nothing,
  // Servers' options, which people share with their clients.
  'grpc.max_concurrent_streams': nothing,
  'grpc.max_connection_age_ms': nothing,
  'grpc.max_connection_age_grace_ms': nothing,
  'grpc.max_connection_idle_ms': nothing,
  'grpc.server_call_metric_recording': nothing,
};

/** Every option of grpc-js that is understood. */
export const grpcOptionNames: readonly string[] = Object.keys(OPTIONS);

export function isGrpcOption(key: string): boolean {
  return key.startsWith('grpc.') || key.startsWith('grpc-node.');
}

/** Puts grpc-js's channel options into podwire's words; podwire's own stand above them. Throws {@link InvalidInput}. */
export function translateGrpcOptions(
  options: Readonly<Record<string, unknown>>,
  path: string,
): Record<string, unknown> {
  const own: Record<string, unknown> = {};
  const translated: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(options)) {
    if (!isGrpcOption(key)) own[key] = value;
    else if (value !== undefined) merge(translated, translate(key, value, `${path}[${JSON.stringify(key)}]`));
  }
  merge(translated, own);
  return translated;
}

function translate(key: string, value: unknown, path: string): Record<string, unknown> {
  const known = Object.hasOwn(OPTIONS, key) ? OPTIONS[key] : undefined;
  if (known === undefined) throw unknownKey(path, key, grpcOptionNames);
  return known(value, path);
}

function compression(value: unknown, path: string): string {
  const name = typeof value === 'number' ? ['identity', 'deflate', 'gzip'][value] : undefined;
  if (name === undefined) throw new InvalidInput(path, value, 'must be 0, 1 or 2');
  return name;
}

/** Groups are merged key by key. */
function merge(into: Record<string, unknown>, from: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(from)) {
    const before = into[key];
    into[key] = isGroup(before) && isGroup(value) ? { ...before, ...value } : value;
  }
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
