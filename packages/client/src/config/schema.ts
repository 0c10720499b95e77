import { policyNames, policyOptions } from '@podwire/balancer';
import { MODES } from '../modes/mode.ts';
import { transportNames } from '../options/settings.ts';

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string', minLength: 1 };
const flag: Schema = { type: 'boolean' };
const integer = (minimum: number, description: string, byDefault?: number): Schema => ({
  type: 'integer',
  minimum,
  description,
  ...(byDefault !== undefined && { default: byDefault }),
});
const object = (properties: Schema, required: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...(required.length > 0 && { required }),
});

function policy(): Schema {
  const named = policyNames.map((name) => object({ [name]: object(policyOptions(name)) }, [name]));
  return { oneOf: [{ enum: policyNames }, ...named], default: 'least_request' };
}

function channelOptions(): Record<string, Schema> {
  return {
    name: { ...text, description: 'The service in errors, snapshots and PODWIRE_MODE_<SERVICE>' },
    policy: policy(),
    hashKey: object({ header: text }, ['header']),
    mode: { enum: MODES },
    mesh: object({ address: text, headers: { type: 'object', additionalProperties: { type: 'string' } } }, [
      'address',
    ]),
    transport: { enum: transportNames },
    tls: {
      oneOf: [
        flag,
        object({
          ca: text,
          cert: text,
          key: text,
          caFile: text,
          certFile: text,
          keyFile: text,
          serverName: text,
          rejectUnauthorized: flag,
        }),
      ],
    },
    authority: text,
    userAgent: text,
    userAgentSuffix: text,
    connectTimeoutMs: integer(1, 'TCP, TLS and first SETTINGS of one connection', 5_000),
    maxConnecting: integer(1, 'Connections being made at the same time', 32),
    backoff: object({
      initialMs: integer(1, 'First delay between attempts to connect to a Pod', 100),
      maxMs: integer(1, 'Largest delay', 10_000),
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
    compression: { enum: ['identity', 'gzip', 'deflate'], default: 'identity' },
    serviceConfig: { type: ['object', 'string'], description: 'A gRPC service config' },
    retries: { ...flag, default: true },
    retryBuffer: object({
      perCallBytes: integer(0, 'Kept of one call for another attempt', 1024 * 1024),
      perChannelBytes: integer(0, 'Kept of all calls', 16 * 1024 * 1024),
    }),
    zone: { ...text, description: 'Prefer Pods of this zone' },
    subset: object({ size: integer(1, 'Pods to connect to'), client: { type: ['integer', 'string'] } }, [
      'size',
      'client',
    ]),
    snapshotDir: { ...text, description: 'Where the last good set of Pods is kept for cold starts' },
    holdMs: integer(0, 'How long Pods that still answer are held against an empty or halved set', 60_000),
  };
}

/** The JSON Schema of the config that `createPodwire` takes; published as `podwire/config.schema.json`. */
export function configSchema(): Schema {
  const options = channelOptions();
  // Channel options of grpc-js may stand beside podwire's own.
  const grpc = { patternProperties: { '^grpc(-node)?\\.': {} } };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'podwire config',
    ...object(
      {
        $schema: { type: 'string' },
        mode: { enum: MODES },
        defaults: { ...object(options), ...grpc },
        services: {
          type: 'object',
          additionalProperties: { ...object({ target: text, ...options }, ['target']), ...grpc },
        },
      },
      ['services'],
    ),
  };
}
