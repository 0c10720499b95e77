import type { CallCredentials } from '@grpc/grpc-js';
import { InvalidInput, NOT_SHOWN } from '@podwire/core';
import { parseHashKey } from './hash-key.ts';
import type { Rows } from './option-kinds.ts';
import { parseServiceConfig } from './service-config.ts';

const MIB = 1024 * 1024;
/** More than grpc-js accepts by default: nine frames of 16 KiB, in which Huffman code fits at most 230 KiB of valid headers. */
const MAX_HEADER_BYTES = 256 * 1024;

/** Options of calls: how long they wait, how much they may send and receive, and how often they are tried. */
export const CALL_ROWS = {
  hashKey: { kind: 'special', parse: parseHashKey, live: true },
  waiting: { kind: 'group' },
  'waiting.maxCalls': { kind: 'integer', min: 0, default: 10_000, live: true },
  'waiting.timeoutMs': { kind: 'integer', min: 0, default: 10_000, live: true },
  limits: { kind: 'group' },
  'limits.perPod': { kind: 'integer', min: 0, default: 0, live: true },
  'limits.perService': { kind: 'integer', min: 0, default: 0, live: true },
  maxReceiveBytes: {
    kind: 'integer',
    min: -1,
    default: 4 * MIB,
    grpc: 'grpc.max_receive_message_length',
    live: true,
  },
  maxSendBytes: {
    kind: 'integer',
    min: -1,
    default: -1,
    grpc: 'grpc.max_send_message_length',
    live: true,
  },
  maxHeaderBytes: {
    kind: 'integer',
    min: 1024,
    max: 16 * MIB,
    default: MAX_HEADER_BYTES,
    grpc: 'grpc.max_metadata_size',
  },
  compression: {
    kind: 'word',
    words: ['identity', 'gzip', 'deflate'],
    default: 'identity',
    // Not live: a call that is tried again sends messages that were compressed before.
    grpc: 'grpc.default_compression_algorithm',
  },
  serviceConfig: {
    kind: 'special',
    parse: (value, path, { maxAttempts }) =>
      parseServiceConfig(value === undefined ? {} : value, path, maxAttempts),
    grpc: 'grpc.service_config',
    live: true,
  },
  retries: { kind: 'flag', default: true, grpc: 'grpc.enable_retries', live: true },
  retryBudget: { kind: 'group', orFalse: true, live: true },
  'retryBudget.percent': { kind: 'number', min: 0, max: 100, default: 20, live: true },
  'retryBudget.minPerSecond': { kind: 'number', min: 0, default: 1, live: true },
  'retryBudget.windowMs': { kind: 'integer', min: 100, default: 10_000, live: true },
  retryBuffer: { kind: 'group' },
  'retryBuffer.perCallBytes': {
    kind: 'integer',
    min: 0,
    default: MIB,
    grpc: 'grpc.per_rpc_retry_buffer_size',
  },
  'retryBuffer.perChannelBytes': {
    kind: 'integer',
    min: 0,
    default: 16 * MIB,
    grpc: 'grpc.retry_buffer_size',
  },
  callCredentials: { kind: 'special', parse: parseCallCredentials, isCode: true },
} as const satisfies Rows;

function parseCallCredentials(value: unknown, path: string): CallCredentials | undefined {
  if (value === undefined) return undefined;
  const { generateMetadata, compose } = Object(value);
  if (typeof generateMetadata === 'function' && typeof compose === 'function')
    return value as CallCredentials;
  throw new InvalidInput(
    path,
    NOT_SHOWN,
    'must be call credentials of grpc-js, such as credentials.createFromMetadataGenerator(…) makes',
  );
}
