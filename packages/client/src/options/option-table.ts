// The one place that says which options a channel has. The parser, the JSON Schema, the comments of `ChannelOptions` and the tables of
// docs/options.md come from it. To add an option: a row here (in the file of its topic), its words in option-docs.ts, a line in
// `ChannelOptions`, and a line in `Settings`; then `PODWIRE_RECORD=options npx vitest run --project together test/options.test.ts`
// writes the rest.
import { CALL_ROWS } from './call-rows.ts';
import { CONNECTION_ROWS } from './connection-rows.ts';
import { HEALTH_ROWS } from './health-rows.ts';
import type { Rows } from './option-kinds.ts';
import { SERVICE_ROWS } from './service-rows.ts';

/** Every option of a channel by name, members of groups as `group.member`. */
export const OPTION_TABLE = { ...SERVICE_ROWS, ...CONNECTION_ROWS, ...HEALTH_ROWS, ...CALL_ROWS } as const;

/** The name of an option, `group.member` in a group. */
export type OptionName = keyof typeof OPTION_TABLE;

/** Values that only options of grpc-js set; no option of podwire has these names. */
export const GRPC_ONLY_TABLE = {
  sslTargetName: { kind: 'text', grpc: 'grpc.ssl_target_name_override' },
  maxAttempts: {
    kind: 'integer',
    min: 1,
    default: 5,
    grpc: 'grpc-node.retry_max_attempts_limit',
    live: true,
  },
} as const satisfies Rows;

/** The name of a value that only an option of grpc-js sets. */
export type GrpcOnlyName = keyof typeof GRPC_ONLY_TABLE;
