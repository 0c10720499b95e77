import { InvalidInput, unknownKey } from '@podwire/core';
import type { Row } from './option-kinds.ts';
import { GRPC_ONLY_TABLE, OPTION_TABLE } from './option-table.ts';

/** The option of podwire that an option of grpc-js stands for (`group.key` within a group), and how its values translate. */
interface Translation {
  readonly name: string;
  /** The values of grpc-js, each with podwire's value; undefined when the two are the same. */
  readonly values?: ReadonlyMap<unknown, unknown>;
}

/** Flags. Without this map, a value that is neither 0 nor 1 would be taken for one of them without a word. */
const FLAGS = new Map([
  [0, false],
  [1, true],
]);
/** grpc-js's `compressionAlgorithms`. */
const COMPRESSIONS = new Map([
  [0, 'identity'],
  [1, 'deflate'],
  [2, 'gzip'],
]);

/** The translations of grpc-js's options by their names, from the table of options. */
function translations(): Record<string, Translation> {
  const rows: [string, Row][] = Object.entries({ ...OPTION_TABLE, ...GRPC_ONLY_TABLE });
  const byGrpcName: Record<string, Translation> = {};
  for (const [name, row] of rows) {
    if (row.kind === 'group' || row.grpc === undefined) continue;
    const values = row.kind === 'flag' ? FLAGS : name === 'compression' ? COMPRESSIONS : undefined;
    byGrpcName[row.grpc] = values === undefined ? { name } : { name, values };
  }
  return byGrpcName;
}

const nothing = undefined;

/** What has no effect. https://github.com/grpc/grpc-node/blob/master/packages/grpc-js/README.md#supported-channel-options */
const WITHOUT_EFFECT: Readonly<Record<string, Translation | undefined>> = {
  // Options of features that podwire does not have: it has no global pool of connections and no channelz, never goes
  // through an HTTP proxy, takes its service config from its options alone, bounds session memory by flow control, gives
  // rings a size of its own and leaves TLS traces to `NODE_DEBUG`.
  'grpc.use_local_subchannel_pool': nothing,
  'grpc.enable_channelz': nothing,
  'grpc.enable_http_proxy': nothing,
  'grpc.service_config_disable_resolution': nothing,
  'grpc.client_idle_timeout_ms': nothing,
  'grpc.dns_min_time_between_resolutions_ms': nothing,
  'grpc-node.max_session_memory': nothing,
  'grpc-node.flow_control_window': nothing,
  'grpc-node.tls_enable_trace': nothing,
  'grpc.lb.ring_hash.ring_size_cap': nothing,
  // Options of gRPC's C core (https://grpc.github.io/grpc/core/group__grpc__arg__keys.html), which grpc-js ignores, too. NestJS sets
  // those about PINGs from its `keepalive` options.
  'grpc.http2.max_pings_without_data': nothing,
  'grpc.http2.min_time_between_pings_ms': nothing,
  'grpc.http2.min_ping_interval_without_data_ms': nothing,
  'grpc.http2.max_ping_strikes': nothing,
  'grpc.http2.initial_sequence_number': nothing,
  'grpc.http2.lookahead_bytes': nothing,
  'grpc.http2.hpack_table_size.decoder': nothing,
  'grpc.http2.hpack_table_size.encoder': nothing,
  'grpc.http2.max_frame_size': nothing,
  'grpc.http2.bdp_probe': nothing,
  'grpc.http2.write_buffer_size': nothing,
  'grpc.http2.true_binary': nothing,
  // Options of servers. Applications may use one object of options for servers and clients.
  'grpc.max_concurrent_streams': nothing,
  'grpc.max_connection_age_ms': nothing,
  'grpc.max_connection_age_grace_ms': nothing,
  'grpc.max_connection_idle_ms': nothing,
  'grpc.server_call_metric_recording': nothing,
};

let known: Readonly<Record<string, Translation | undefined>> | undefined;

/** Made when it is first asked for, and not at import. */
function all(): Readonly<Record<string, Translation | undefined>> {
  known ??= { ...translations(), ...WITHOUT_EFFECT };
  return known;
}

/** Every option of grpc-js that is understood. */
export function grpcOptionNames(): readonly string[] {
  return Object.keys(all());
}

/** What an option of grpc-js stands for; undefined for one that has no effect. */
export function grpcOption(key: string): Translation | undefined {
  return all()[key];
}

export function isGrpcOption(key: string): boolean {
  return key.startsWith('grpc.') || key.startsWith('grpc-node.');
}

/** Options under podwire's names, and the path at which the user wrote each. */
interface TranslatedOptions {
  readonly values: Readonly<Record<string, unknown>>;
  /** The path to `name`, or `group.key`, as the user wrote it. */
  readonly at: (name: string) => string;
}

/** Translates grpc-js's channel options into podwire's. Options under podwire's names override them. Throws {@link InvalidInput}. */
export function translateGrpcOptions(
  options: Readonly<Record<string, unknown>>,
  path: string,
): TranslatedOptions {
  const values: Record<string, unknown> = {};
  const written = new Map<string, string>();
  const own = Object.entries(options).filter(([key]) => !isGrpcOption(key));
  for (const [key, value] of Object.entries(options)) {
    if (!isGrpcOption(key)) continue;
    const at = `${path}[${JSON.stringify(key)}]`;
    if (!Object.hasOwn(all(), key)) throw unknownKey(at, key, grpcOptionNames(), 'docs/options.md');
    const translation = grpcOption(key);
    if (translation === undefined || value === undefined) continue;
    const { name } = translation;
    const translated = translate(translation, value, at);
    const [group, inGroup] = name.split('.') as [string, string?];
    merge(values, group, inGroup === undefined ? translated : { [inGroup]: translated });
    written.set(name, at);
  }
  for (const [key, value] of own) {
    if (value === undefined) continue;
    merge(values, key, value);
    written.delete(key);
    if (isGroup(value)) for (const inGroup of Object.keys(value)) written.delete(`${key}.${inGroup}`);
  }
  return { values, at: (name) => written.get(name) ?? `${path}.${name}` };
}

function translate({ values }: Translation, value: unknown, path: string): unknown {
  if (values === undefined) return value;
  if (values.has(value)) return values.get(value);
  const [last, ...others] = [...values.keys()].reverse();
  throw new InvalidInput(path, value, `must be ${others.reverse().join(', ')} or ${last}`);
}

/** Groups are merged key by key. */
function merge(into: Record<string, unknown>, key: string, value: unknown): void {
  const before = into[key];
  into[key] = isGroup(before) && isGroup(value) ? { ...before, ...value } : value;
}

function isGroup(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  // An object of a class is not a group. A plain object may be of another realm, as in test runners.
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
