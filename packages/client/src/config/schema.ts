import { type OptionSchema, type PolicyName, policyNames, policyOptions } from '@podwire/balancer';
import { headersSchema } from '../headers/endpoint-headers.ts';
import { AUTHORITY, HEADER_NAME, HEADER_TEXT } from '../options/check.ts';
import { grpcOption, grpcOptionNames } from '../options/grpc-options.ts';
import { MODES, type Mode } from '../options/mode.ts';
import { transportNames } from '../options/transport.ts';

type Schema = Readonly<Record<string, unknown>>;

/** As far as a pattern can tell: `host:port`, or `[host]:port` for IPv6. */
const ADDRESS = /^(\[[\dA-Fa-f:.]+(%[\w.-]+)?\]|[^\s:[\]]+):0*[1-9]\d{0,4}$/;

const text: Schema = { type: 'string', minLength: 1 };
const matching = ({ source }: RegExp): Schema => ({ type: 'string', pattern: source });
const flag: Schema = { type: 'boolean' };
const integer = (minimum: number, description: string, byDefault?: number): Schema => ({
  type: 'integer',
  minimum,
  maximum: Number.MAX_SAFE_INTEGER,
  description,
  ...(byDefault !== undefined && { default: byDefault }),
});
const object = (properties: Schema, required: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...(required.length > 0 && { required }),
});

const when = (condition: Schema, schema: Schema, otherwise?: Schema): Schema => ({
  if: condition,
  // biome-ignore lint/suspicious/noThenProperty: it is JSON Schema's word
  then: schema,
  ...(otherwise !== undefined && { else: otherwise }),
});

function policy(): Schema {
  const option = (schema: OptionSchema): Schema =>
    schema.type === 'policy' ? { $ref: '#/properties/defaults/properties/policy' } : { ...schema };
  const options = (name: PolicyName) =>
    Object.fromEntries(Object.entries(policyOptions(name)).map(([key, schema]) => [key, option(schema)]));
  const named = policyNames.map((name) => object({ [name]: object(options(name)) }, [name]));
  return { oneOf: [{ enum: policyNames }, ...named], default: 'least_request' };
}

/** A certificate and its key come together, each as text or as a file. */
function tls(): Schema {
  const either = (...keys: string[]): Schema => ({ anyOf: keys.map((key) => ({ required: [key] })) });
  const cert = either('cert', 'certFile');
  const key = either('key', 'keyFile');
  const named = { ca: text, cert: text, key: text, caFile: text, certFile: text, keyFile: text };
  return {
    ...object({ ...named, serverName: text, rejectUnauthorized: flag }),
    ...when(cert, key, { not: key }),
  };
}

function channelOptions(): Record<string, Schema> {
  return {
    name: { ...text, description: 'The service in errors, snapshots and PODWIRE_MODE_<SERVICE>' },
    policy: policy(),
    hashKey: object({ header: matching(HEADER_NAME) }, ['header']),
    mode: { enum: MODES },
    mesh: object({ address: matching(ADDRESS), headers: headersSchema }, ['address']),
    transport: { enum: transportNames },
    tls: { oneOf: [flag, tls()] },
    authority: matching(AUTHORITY),
    userAgent: matching(HEADER_TEXT),
    userAgentSuffix: matching(HEADER_TEXT),
    connectTimeoutMs: integer(1, 'TCP, TLS and first SETTINGS of one connection', 5_000),
    maxConnecting: integer(1, 'Connections being made at the same time', 32),
    maxConnectsPerSecond: integer(1, 'Attempts a second to connect to Pods that failed before', 100),
    backoff: object({
      initialMs: integer(1, 'First delay between attempts to connect to a Pod', 100),
      maxMs: integer(1, 'Largest delay', 10_000),
      downMs: integer(1, 'Largest delay while no Pod takes calls', 1_000),
    }),
    keepalive: object({
      timeMs: integer(0, 'Silence after which a PING is sent; 0 is off', 10_000),
      timeoutMs: integer(1, 'How long its answer may take', 5_000),
      withoutCalls: flag,
    }),
    maxConnectionsPerPod: { ...integer(1, 'When the stream limit of a Pod is used up', 2), maximum: 10 },
    waiting: object({
      maxCalls: integer(0, 'Calls that wait for a Pod', 10_000),
      timeoutMs: integer(0, 'How long each waits, unless it waits for ready', 10_000),
    }),
    drainMs: integer(0, 'How long a Pod that left keeps the calls it has', 30_000),
    maxReceiveBytes: integer(-1, 'Largest message taken; -1 is no limit', 4 * 1024 * 1024),
    maxSendBytes: integer(-1, 'Largest message sent; -1 is no limit', -1),
    maxHeaderBytes: {
      ...integer(1024, 'Largest headers or trailers of a reply', 256 * 1024),
      maximum: 16 * 1024 * 1024,
    },
    compression: { enum: ['identity', 'gzip', 'deflate'], default: 'identity' },
    serviceConfig: { type: ['object', 'string'], description: 'A gRPC service config' },
    retries: { ...flag, default: true },
    retryBuffer: object({
      perCallBytes: integer(0, 'Kept of one call for another attempt', 1024 * 1024),
      perChannelBytes: integer(0, 'Kept of all calls', 16 * 1024 * 1024),
    }),
    zone: {
      oneOf: [text, object({ node: text }, ['node'])],
      description: 'Prefer Pods of this zone, or of the zone of this node',
    },
    subset: object(
      {
        size: integer(1, 'Pods to connect to'),
        client: { oneOf: [{ type: 'integer', minimum: 0 }, text] },
      },
      ['size', 'client'],
    ),
    snapshotDir: { ...text, description: 'Where the last good set of Pods is kept for cold starts' },
    holdMs: integer(0, 'How long Pods that still answer are held against an empty or halved set', 60_000),
  };
}

/** What only options of grpc-js set. */
const GRPC_ALONE: Readonly<Record<string, Schema>> = {
  sslTargetName: text,
  maxAttempts: integer(1, 'Most attempts at a call, whatever the service config says', 5),
};

/** grpc-js's channel options, each with the rule of what it stands for. */
function grpcOptions(own: Record<string, Schema>): Record<string, Schema> {
  const rule = (key: string): Schema => {
    const option = grpcOption(key);
    if (option === undefined) return {};
    if (option.values !== undefined) return { enum: [...option.values.keys()] };
    const [group, inGroup] = option.name.split('.') as [string, string?];
    const schema = own[group] ?? GRPC_ALONE[group]!;
    return inGroup === undefined ? schema : (schema.properties as Record<string, Schema>)[inGroup]!;
  };
  return Object.fromEntries(grpcOptionNames.map((key) => [key, rule(key)]));
}

/** A service in the mode `mesh` needs `mesh`: its own, or the defaults'. */
function meshWhereNeeded(): Schema {
  const mode = (name: Mode): Schema => ({ required: ['mode'], properties: { mode: { const: name } } });
  const has = (...keys: string[]): Schema => ({ required: keys });
  const defaults = (schema: Schema): Schema => ({ required: ['defaults'], properties: { defaults: schema } });
  const everyService = (schema: Schema): Schema => ({
    properties: { services: { additionalProperties: schema } },
  });
  const meshByDefault = {
    anyOf: [defaults(mode('mesh')), { ...mode('mesh'), not: defaults(has('mode')) }],
  };
  const needed = when(
    meshByDefault,
    everyService(when({ not: mode('direct') }, has('mesh'))),
    everyService(when(mode('mesh'), has('mesh'))),
  );
  return when({ not: defaults(has('mesh')) }, needed);
}

/**
 * The JSON Schema of the config that `createPodwire` takes; published as `podwire/config.schema.json`. It says all that can be
 * said of a document by itself: not what files and certificates hold, which registries there are, or that one number is
 * to be less than another.
 */
export function configSchema(): Schema {
  const own = channelOptions();
  const options = { ...own, ...grpcOptions(own) };
  const same = Object.keys(options).map((key) => [key, { $ref: `#/properties/defaults/properties/${key}` }]);
  const service = object({ target: text, ...Object.fromEntries(same) }, ['target']);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'podwire config',
    ...object(
      {
        $schema: text,
        mode: { enum: MODES },
        defaults: object(options),
        services: { type: 'object', propertyNames: { minLength: 1 }, additionalProperties: service },
      },
      ['services'],
    ),
    ...meshWhereNeeded(),
  };
}
