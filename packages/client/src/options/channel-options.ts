import type { PeerCertificate, SecureContext } from 'node:tls';
import type { CallCredentials, Metadata } from '@grpc/grpc-js';
import type { PolicyName } from '@podwire/balancer';
import type { Registry } from '@podwire/registry';
import type { Mode } from './mode.ts';

/** The argument of a function that makes hash keys. */
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
   * What the hash policies hash: the value of a metadata header, or what a function returns. Calls of equal keys go to the same Pod.
   * Default: calls go to any Pod.
   */
  readonly hashKey?: { readonly header: string } | ((info: HashKeyInfo) => string | undefined);
  /** `direct` balances over Pods, `mesh` sends to `mesh.address`. Code, environment and watched file stand above it. Default: `direct`. */
  readonly mode?: Mode;
  /** Where the mode `mesh` sends calls. Default: none, and the mode `mesh` is refused. */
  readonly mesh?: {
    /** The service's own name, such as `orders.prod.svc:80`. */
    readonly address: string;
    /** Sent with every call in the mode `mesh`, as a Pod's `header.` attributes are in the mode `direct`. Default: none. */
    readonly headers?: Readonly<Record<string, string>>;
  };
  /**
   * Which HTTP/2 client carries the calls: podwire's own, or Node's, which Bun and Deno do not support. Default: `http2`, podwire's own.
   */
  readonly transport?: 'http2' | 'node-http2';
  /** `true` is TLS with Node's certificates, an object is TLS with others. Default: plaintext. */
  readonly tls?: boolean | TlsConfig;
  /** `:authority` of every call. Default: the target's service name, or `mesh.address` in the mode `mesh`. */
  readonly authority?: string;
  /** Put before `grpc-node-podwire/<version>` in the header `user-agent`, where grpc-js puts it. Default: nothing. */
  readonly userAgent?: string;
  /** Put behind `grpc-node-podwire/<version>` in the header `user-agent`. Default: nothing. */
  readonly userAgentSuffix?: string;
  /** Limit for TCP, TLS and the peer's first SETTINGS of one connection together. Default 5000. */
  readonly connectTimeoutMs?: number;
  /** Connections that are being made at the same time; one that takes over a second makes room for the next. Default 32. */
  readonly maxConnecting?: number;
  /**
   * Attempts a second to connect to Pods that could not be connected to before, over all Pods; to others ten times as many. Attempts that
   * succeed are not counted. Default 100.
   */
  readonly maxConnectsPerSecond?: number;
  /**
   * Delay between attempts to connect to one Pod. Each is made up to a fifth shorter or longer; those that are not given yield to those
   * that are.
   */
  readonly backoff?: {
    /** The first delay. Default 100. */
    readonly initialMs?: number;
    /** The largest delay. Default 10 000. */
    readonly maxMs?: number;
    /** The largest delay while no Pod of the set takes calls. Default 1000. */
    readonly downMs?: number;
  };
  /** PINGs that find dead connections. */
  readonly keepalive?: {
    /** Silence after which a PING is sent while calls are open; 0 is off. Default 10 000. */
    readonly timeMs?: number;
    /** How long the answer to a PING may take. Default 5000. */
    readonly timeoutMs?: number;
    /** PINGs are also sent while no call is open. Default `false`. */
    readonly withoutCalls?: boolean;
  };
  /** Connections to one Pod when its stream limit is used up (gRFC A105). Default 2. */
  readonly maxConnectionsPerPod?: number;
  /** Calls that wait for a Pod. */
  readonly waiting?: {
    /** How many calls may wait. Default 10 000. */
    readonly maxCalls?: number;
    /** How long each call waits, unless it waits for ready. Default 10 000. */
    readonly timeoutMs?: number;
  };
  /** How long a Pod that left the set may finish the calls it has. Default 30 000. */
  readonly drainMs?: number;
  /** Calls in flight; more wait. A stream counts until its first message has arrived. */
  readonly limits?: {
    /** How many on one Pod; 0 is no limit. Default 0. */
    readonly perPod?: number;
    /** How many on all Pods together; 0 is no limit. Default 0. */
    readonly perService?: number;
  };
  /** Largest message received, also after decompression; -1 is no limit. grpc-js has the same default. Default 4 MiB. */
  readonly maxReceiveBytes?: number;
  /** Largest message sent; -1 is no limit. Default -1. */
  readonly maxSendBytes?: number;
  /**
   * Largest headers or trailers of a reply, as SETTINGS_MAX_HEADER_LIST_SIZE counts: 32 bytes a field and its name and value. More ends the
   * call. grpc-js takes less by default. Default 256 KiB.
   */
  readonly maxHeaderBytes?: number;
  /** How messages are compressed; `identity` is not at all. Default `identity`. */
  readonly compression?: 'identity' | 'gzip' | 'deflate';
  /** A gRPC service config, as an object or JSON text. Default: none. */
  readonly serviceConfig?: object | string;
  /**
   * `false` turns the service config's retries and hedging off; calls that no server has processed are still sent again. Default `true`.
   */
  readonly retries?: boolean;
  /** Bounds retries and hedges to a share of the calls. The service config's `retryThrottling` stands in its place; `false` removes it. */
  readonly retryBudget?:
    | false
    | {
        /** Retries for 100 calls. Default 20. */
        readonly percent?: number;
        /** Retries a second in any case. Default 1. */
        readonly minPerSecond?: number;
        /** Over how long calls and retries are counted. Default 10 000. */
        readonly windowMs?: number;
      };
  /** What is kept of messages so that another attempt can send them. */
  readonly retryBuffer?: {
    /** How much of the messages of one call. Default 1 MiB. */
    readonly perCallBytes?: number;
    /** How much of the messages of all calls. Default 16 MiB. */
    readonly perChannelBytes?: number;
  };
  /**
   * The zone to prefer: calls stay on its Pods while they can carry them. `{ node }` is the zone of the node that this process is on, as
   * the registry's Pods tell it (Kubernetes); while it is not known, or without a node, none is preferred, and `snapshot().zone` says why.
   * Default: none.
   */
  readonly zone?: string | ZoneOfNode;
  /** Takes Pods out that fail calls although their connection works, and lets them back in one call at a time. `false` turns it off. */
  readonly outlierDetection?:
    | false
    | {
        /** Failures in a row that eject a Pod; more while the other Pods fail, too. 0 is off. Default 5. */
        readonly consecutiveFailures?: number;
        /**
         * Calls in a row that were not answered in the time that is usual for their method; more while the other Pods time out, too. 0 is
         * off. Default 3.
         */
        readonly consecutiveTimeouts?: number;
        /** Compares each Pod with all others together. `false` turns it off. */
        readonly successRate?:
          | false
          | {
              /** How far back calls count. Default 60 000. */
              readonly windowMs?: number;
              /** How many of the newest calls of a Pod count at most. Default 500. */
              readonly maxRequests?: number;
              /** How many calls of a Pod are needed. Default 10. */
              readonly minRequests?: number;
              /** By how much the success rate must be lower; 0.1 is ten points. Default 0.1. */
              readonly minDifference?: number;
            };
        /** How often success rates are compared, while there are calls. Default 1000. */
        readonly intervalMs?: number;
        /** How long the first ejection lasts, up to a fifth shorter or longer. It doubles each time. Default 5000. */
        readonly baseEjectionTimeMs?: number;
        /** The longest ejection. Default 60 000. */
        readonly maxEjectionTimeMs?: number;
        /** The largest share of the Pods that may be out, rounded down; Pods without a connection count. Default 50. */
        readonly maxEjectionPercent?: number;
      };
  /** Sends new calls elsewhere while a Pod owes replies and is silent, and asks it by one PING. `false` turns it off. */
  readonly suspicion?:
    | false
    | {
        /** The least silence that makes a Pod suspect; otherwise three times the usual longest one. Default 100. */
        readonly minMs?: number;
        /** How long the answer to the PING may take, before the connection is given up. Default 1000. */
        readonly timeoutMs?: number;
      };
  /**
   * Raises the share of a Pod that joins a set which already serves, or returns from ejection, over a time. Not for hash policies,
   * `pick_first` and the first set of a client. Default: such a Pod has its whole share at once.
   */
  readonly slowStart?: {
    /** How long it takes until the Pod has its whole share. */
    readonly windowMs: number;
    /** 1 raises the share evenly; more raises it faster at first, less more slowly. Default 1. */
    readonly aggression?: number;
    /** The share that the Pod begins with, in percent. Default 10. */
    readonly minWeightPercent?: number;
  };
  /** In percent of the Pods: when fewer take calls, ejections and suspicions are ignored. 0 is never. Default 50. */
  readonly panicThreshold?: number;
  /** Connect to some Pods only. Default: all Pods. */
  readonly subset?: {
    /** How many Pods to connect to. */
    readonly size: number;
    /** Tells this client from the others: an ordinal, or any text. */
    readonly client: number | string;
  };
  /**
   * Watch what Pods say of their health by the health service of gRPC (gRFC A17): `{ serviceName }` names the service that they are asked
   * about, by default the whole server. A Pod takes calls once it has said `SERVING`. `false` watches no Pod, whatever the service config
   * and the registry say. Default: the service config's `healthCheckConfig`, else the Pods whose attribute `health.service` names it.
   */
  readonly health?: { readonly serviceName?: string } | false;
  /**
   * Directory in which the last good set of Pods is kept for cold starts. One for each cluster: channels with the same target share a file.
   * Default: none.
   */
  readonly snapshotDir?: string;
  /** How long Pods that still answer are kept when the registry's set is suddenly empty or halved. Default 60 000. */
  readonly holdMs?: number;
  /** Registries besides static, file and DNS, found by the scheme of the target. Default: none. */
  readonly registries?: readonly Registry[];
  /** Add metadata, such as a token, to every call; those of a client and of a call come on top. Need `tls`. Default: none. */
  readonly callCredentials?: CallCredentials;
  /** grpc-js's channel options. */
  readonly [grpcOption: `grpc.${string}` | `grpc-node.${string}`]: unknown;
}
