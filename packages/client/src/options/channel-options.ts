import type { Metadata } from '@grpc/grpc-js';
import type { PolicyName } from '@podwire/balancer';
import type { Registry } from '@podwire/registry';
import type { Mode } from '../modes/mode.ts';

/** What a hash key is made from when a function makes it. */
export interface HashKeyInfo {
  /** `/package.Service/Method` */
  readonly method: string;
  readonly metadata: Metadata;
}

/** TLS towards the Pods; files are read again when they change. */
export interface TlsConfig {
  /** PEM. Default: the certificates that Node trusts. */
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** The name in SNI and in the Pod's certificate. Default: the host of the authority. */
  readonly serverName?: string;
  /** Default true. */
  readonly rejectUnauthorized?: boolean;
}

/**
 * How a channel works. Times in milliseconds, sizes in bytes. The channel options of grpc-js (`grpc.…`) may stand beside
 * these; an option that is neither is an error.
 */
export interface ChannelOptions {
  /** The service's name in errors, snapshots and `PODWIRE_MODE_<SERVICE>`. Default: from the target. */
  readonly name?: string;
  /** A policy's name, or `{ name: options }`. Default: the service config's, else `least_request`. */
  readonly policy?: PolicyName | { readonly [name in PolicyName]?: object };
  /** What the hash policies send to the same Pod: a metadata header's value, or what a function returns. */
  readonly hashKey?: { readonly header: string } | ((info: HashKeyInfo) => string | undefined);
  /** `direct` balances over Pods, `mesh` sends to `mesh.address`. Default direct. Environment and file may say otherwise. */
  readonly mode?: Mode;
  /** `headers` are sent with every call in mesh mode, as a Pod's `header.` attributes are in direct mode. */
  readonly mesh?: { readonly address: string; readonly headers?: Readonly<Record<string, string>> };
  /** Which HTTP/2 client carries the calls: podwire's own, or Node's. Default `http2`, podwire's own. */
  readonly transport?: 'http2' | 'node-http2';
  /** `true` is TLS with Node's certificates. Default: plaintext. */
  readonly tls?: boolean | TlsConfig;
  /** `:authority` of every call. Default: the target's service name. */
  readonly authority?: string;
  readonly userAgent?: string;
  readonly userAgentSuffix?: string;
  /** TCP, TLS and first SETTINGS of one connection. Default 5000. */
  readonly connectTimeoutMs?: number;
  /** Connections being made at the same time; one that takes over a second makes room for the next. Default 32. */
  readonly maxConnecting?: number;
  /** Between attempts to connect to one Pod. Default 100 to 10 000. */
  readonly backoff?: { readonly initialMs?: number; readonly maxMs?: number };
  /** A PING after so much silence, and how long its answer may take; 0 is off. Default 10 000 and 5000. */
  readonly keepalive?: {
    readonly timeMs?: number;
    readonly timeoutMs?: number;
    readonly withoutCalls?: boolean;
  };
  /** Connections to one Pod when its stream limit is used up (gRFC A105). Default 2. */
  readonly maxConnectionsPerPod?: number;
  /** Calls that wait for a Pod: how many, and how long unless they wait for ready. Default 10 000 and 10 000. */
  readonly waiting?: { readonly maxCalls?: number; readonly timeoutMs?: number };
  /** How long a Pod that left keeps the calls it has. Default 30 000. */
  readonly drainMs?: number;
  /** Default 4 MiB, as in grpc-js; -1 is no limit. */
  readonly maxReceiveBytes?: number;
  /** Default -1: no limit. */
  readonly maxSendBytes?: number;
  /** How messages are sent. Default identity. */
  readonly compression?: 'identity' | 'gzip' | 'deflate';
  /** A gRPC service config, as an object or JSON text. */
  readonly serviceConfig?: object | string;
  /** Default true; false leaves only the attempts that no server can have seen. */
  readonly retries?: boolean;
  /** What may be kept of calls for another attempt. Default 1 MiB and 16 MiB. */
  readonly retryBuffer?: { readonly perCallBytes?: number; readonly perChannelBytes?: number };
  /** Prefer Pods of this zone. */
  readonly zone?: string;
  /** Connect to so many Pods only. `client` tells this client from the others: an ordinal, or any text. */
  readonly subset?: { readonly size: number; readonly client: number | string };
  /** Where the last good set of Pods is kept for cold starts. Default: nowhere. */
  readonly snapshotDir?: string;
  /** How long Pods that still answer are held against an empty or halved set. Default 60 000. */
  readonly holdMs?: number;
  /** Registries beside static, file and dns, found by their scheme. */
  readonly registries?: readonly Registry[];
  /** grpc-js's channel options. */
  readonly [grpcOption: `grpc.${string}` | `grpc-node.${string}`]: unknown;
}
