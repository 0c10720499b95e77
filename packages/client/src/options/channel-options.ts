import type { PeerCertificate, SecureContext } from 'node:tls';
import type { CallCredentials, Metadata } from '@grpc/grpc-js';
import type { PolicyName } from '@podwire/balancer';
import type { Registry } from '@podwire/registry';
import type { Mode } from './mode.ts';

/** What a hash key is made from when a function makes it. */
export interface HashKeyInfo {
  /** `/package.Service/Method` */
  readonly method: string;
  /** As the caller gave them; not to be changed. */
  readonly metadata: Metadata;
}

/** TLS towards the Pods; files are read again when they change. */
export interface TlsConfig {
  /** PEM. Default: the certificates that Node trusts. */
  readonly ca?: string | Buffer;
  /** PEM: this client's certificate with its chain, for mutual TLS. Default: none. Needs `key` or `keyFile`. */
  readonly cert?: string | Buffer;
  /** PEM: the certificate's private key. */
  readonly key?: string | Buffer;
  /** Paths of PEM files in the place of `ca`, `cert` and `key`. */
  readonly caFile?: string;
  /** See `cert`. */
  readonly certFile?: string;
  /** See `key`. */
  readonly keyFile?: string;
  /** The name in SNI and in the Pod's certificate. Default: the host of the authority. */
  readonly serverName?: string;
  /** `false` accepts any certificate: for tests alone. Default true. */
  readonly rejectUnauthorized?: boolean;
  /** Of `tls.createSecureContext`, in the place of `ca`, `cert` and `key`. */
  readonly secureContext?: SecureContext;
  /**
   * In the place of Node's own check that the Pod's certificate is for the expected name: returns an error to refuse it.
   * Default: https://nodejs.org/api/tls.html#tlscheckserveridentityhostname-cert.
   */
  readonly checkServerIdentity?: (name: string, certificate: PeerCertificate) => Error | undefined;
}

/** The zone of a node: in Kubernetes `spec.nodeName`, from the downward API. */
export interface ZoneOfNode {
  /** The node's name; undefined or empty where there is none. */
  readonly node: string | undefined;
}

/**
 * How a channel works. Times in milliseconds, sizes in bytes. The channel options of grpc-js (`grpc.…`) may stand beside
 * these; an option that is neither is an error.
 */
export interface ChannelOptions {
  /** The service's name in errors, snapshots and `PODWIRE_MODE_<SERVICE>`. Default: from the target; of a `static` one its addresses. */
  readonly name?: string;
  /** A policy's name, or `{ name: options }`. Default: the service config's, else `least_request`. */
  readonly policy?: PolicyName | { readonly [name in PolicyName]?: object };
  /**
   * What the hash policies hash: the value of a metadata header, or what a function returns. Calls of equal keys go to the
   * same Pod.
   */
  readonly hashKey?: { readonly header: string } | ((info: HashKeyInfo) => string | undefined);
  /**
   * `direct` balances over Pods, `mesh` sends to `mesh.address`. Default `direct`; code, environment and watched file stand
   * above it.
   */
  readonly mode?: Mode;
  /**
   * The service's own name for the mode `mesh`, such as `orders.prod.svc:80`. `headers` are sent with every call in that
   * mode, as a Pod's `header.` attributes are in the mode `direct`.
   */
  readonly mesh?: { readonly address: string; readonly headers?: Readonly<Record<string, string>> };
  /** Which HTTP/2 client carries the calls: podwire's own, or Node's. Default `http2`, podwire's own. */
  readonly transport?: 'http2' | 'node-http2';
  /** `true` is TLS with Node's certificates. Default: plaintext. */
  readonly tls?: boolean | TlsConfig;
  /** `:authority` of every call. Default: the target's service name, or `mesh.address` in the mode `mesh`. */
  readonly authority?: string;
  /** Put before `grpc-node-podwire/<version>` in the header `user-agent`. */
  readonly userAgent?: string;
  /** Put behind it. */
  readonly userAgentSuffix?: string;
  /** Limit for TCP, TLS and the peer's first SETTINGS of one connection together. Default 5000. */
  readonly connectTimeoutMs?: number;
  /** Connections that are being made at the same time; one that takes over a second makes room for the next. Default 32. */
  readonly maxConnecting?: number;
  /**
   * Attempts a second to connect to Pods that could not be connected to before, over all Pods; to others ten times as many.
   * Attempts that succeed are not counted. Default 100.
   */
  readonly maxConnectsPerSecond?: number;
  /**
   * Delay between attempts to connect to one Pod: the first, the largest, and the largest while no Pod of the set takes
   * calls. Each is made up to a fifth shorter or longer. Default 100, 10 000 and 1000.
   */
  readonly backoff?: { readonly initialMs?: number; readonly maxMs?: number; readonly downMs?: number };
  /**
   * A PING after this much silence while calls are open (`withoutCalls`: always), and how long its answer may take; 0 is
   * off. Default 10 000 and 5000.
   */
  readonly keepalive?: {
    readonly timeMs?: number;
    readonly timeoutMs?: number;
    readonly withoutCalls?: boolean;
  };
  /** Connections to one Pod when its stream limit is used up (gRFC A105). Default 2. */
  readonly maxConnectionsPerPod?: number;
  /** Calls that wait for a Pod: how many at most, and how long each, unless it waits for ready. Default 10 000 and 10 000. */
  readonly waiting?: { readonly maxCalls?: number; readonly timeoutMs?: number };
  /** How long a Pod that left the set may finish the calls it has. Default 30 000. */
  readonly drainMs?: number;
  /** Largest message received, also after decompression. Default 4 MiB, as in grpc-js; -1 is no limit. */
  readonly maxReceiveBytes?: number;
  /** Largest message sent. Default -1: no limit. */
  readonly maxSendBytes?: number;
  /**
   * Largest headers or trailers of a reply, as SETTINGS_MAX_HEADER_LIST_SIZE counts: 32 bytes a field and its name and value. Default
   * 256 KiB, which is more than grpc-js takes.
   */
  readonly maxHeaderBytes?: number;
  /** How messages are compressed. Default `identity`: not at all. */
  readonly compression?: 'identity' | 'gzip' | 'deflate';
  /** A gRPC service config, as an object or JSON text. */
  readonly serviceConfig?: object | string;
  /**
   * `false` turns the service config's retries and hedging off; calls that no server has processed are still sent again.
   * Default true.
   */
  readonly retries?: boolean;
  /**
   * How much of the messages of one call, and of all calls, is kept so that another attempt can send them. Default 1 MiB
   * and 16 MiB.
   */
  readonly retryBuffer?: { readonly perCallBytes?: number; readonly perChannelBytes?: number };
  /**
   * The zone to prefer: calls stay on its Pods while they can carry them. `{ node }` is the zone of the node that this process
   * is on, as the registry's Pods tell it (Kubernetes); while it is not known, or without a node, none is preferred, and
   * `snapshot().zone` says why. Default: none.
   */
  readonly zone?: string | ZoneOfNode;
  /** Connect to `size` Pods only. `client` tells this client from the others: an ordinal, or any text. Default: all Pods. */
  readonly subset?: { readonly size: number; readonly client: number | string };
  /**
   * Directory in which the last good set of Pods is kept for cold starts. One for each cluster: channels with the same target
   * share a file. Default: none.
   */
  readonly snapshotDir?: string;
  /** How long Pods that still answer are kept when the registry's set is suddenly empty or halved. Default 60 000. */
  readonly holdMs?: number;
  /** Registries besides static, file and DNS, found by the scheme of the target. */
  readonly registries?: readonly Registry[];
  /** Add metadata, such as a token, to every call; those of a call come on top. Need `tls`. Default: none. */
  readonly callCredentials?: CallCredentials;
  /** grpc-js's channel options. */
  readonly [grpcOption: `grpc.${string}` | `grpc-node.${string}`]: unknown;
}
