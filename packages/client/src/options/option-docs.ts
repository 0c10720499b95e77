// The words for each option in docs/options.md, the JSON Schema and the comments of `ChannelOptions`. They are not in the table itself,
// because an application that makes calls never reads them, and every process that imports podwire would create them. They are
// inside functions for the same reason: Node does not compile a function before its first call.
import type { GrpcOnlyName, OptionName } from './option-table.ts';

/** The words for one option. */
export interface OptionDoc {
  readonly meaning: string;
  /** What holds when the option is not given, if the table has no default, or a default that needs an explanation. */
  readonly unset?: string;
  /** A link to more, in Markdown, for docs/options.md. */
  readonly see?: string;
}

/** The words for every option of a channel. */
export function optionDocs(): Readonly<Record<OptionName, OptionDoc>> {
  return {
    name: {
      meaning: "The service's name in errors, snapshots and `PODWIRE_MODE_<SERVICE>`.",
      unset: 'from the target; of a `static` one its addresses',
    },
    policy: {
      meaning: "A policy's name, or `{ name: options }`.",
      unset: "the service config's, else `least_request`",
      see: '[Policies](#policies)',
    },
    mode: {
      meaning:
        '`direct` balances over Pods, `mesh` sends to `mesh.address`. Code, environment and watched file stand above it.',
      unset: '`direct`',
    },
    mesh: { meaning: 'Where the mode `mesh` sends calls.', unset: 'none, and the mode `mesh` is refused' },
    'mesh.address': { meaning: "The service's own name, such as `orders.prod.svc:80`." },
    'mesh.headers': {
      meaning:
        "Sent with every call in the mode `mesh`, as a Pod's `header.` attributes are in the mode `direct`.",
      unset: 'none',
      see: '[Headers that a Pod asks for](#headers-that-a-pod-asks-for)',
    },
    zone: {
      meaning:
        "The zone to prefer: calls stay on its Pods while they can carry them. `{ node }` is the zone of the node that this process is on, as the registry's Pods tell it (Kubernetes); while it is not known, or without a node, none is preferred, and `snapshot().zone` says why.",
      unset: 'none',
      see: '[kubernetes.md](kubernetes.md)',
    },
    subset: { meaning: 'Connect to some Pods only.', unset: 'all Pods' },
    'subset.size': { meaning: 'How many Pods to connect to.' },
    'subset.client': { meaning: 'Tells this client from the others: an ordinal, or any text.' },
    health: {
      meaning:
        'Watch what Pods say of their health by the health service of gRPC (gRFC A17): `{ serviceName }` names the service that they are asked about, by default the whole server. A Pod takes calls once it has said `SERVING`. `false` watches no Pod, whatever the service config and the registry say.',
      unset:
        "the service config's `healthCheckConfig`, else the Pods whose attribute `health.service` names it",
      see: '[Health](#health)',
    },
    snapshotDir: {
      meaning:
        'Directory in which the last good set of Pods is kept for cold starts. One for each cluster: channels with the same target share a file.',
      unset: 'none',
    },
    holdMs: {
      meaning:
        "How long Pods that still answer are kept when the registry's set is suddenly empty or halved.",
    },
    registries: {
      meaning: 'Registries besides static, file and DNS, found by the scheme of the target.',
      unset: 'none',
    },
    transport: {
      meaning:
        "Which HTTP/2 client carries the calls: podwire's own, or Node's, which Bun and Deno do not support.",
      unset: "`http2`, podwire's own",
    },
    tls: {
      meaning: "`true` is TLS with Node's certificates, an object is TLS with others.",
      unset: 'plaintext',
      see: '[TLS](#tls)',
    },
    authority: {
      meaning: '`:authority` of every call.',
      unset: "the target's service name, or `mesh.address` in the mode `mesh`",
    },
    userAgent: {
      meaning: 'Put before `grpc-node-podwire/<version>` in the header `user-agent`, where grpc-js puts it.',
      unset: 'nothing',
    },
    userAgentSuffix: {
      meaning: 'Put behind `grpc-node-podwire/<version>` in the header `user-agent`.',
      unset: 'nothing',
    },
    connectTimeoutMs: {
      meaning: "Limit for TCP, TLS and the peer's first SETTINGS of one connection together.",
    },
    maxConnecting: {
      meaning:
        'Connections that are being made at the same time; one that takes over a second makes room for the next.',
    },
    maxConnectsPerSecond: {
      meaning:
        'Attempts a second to connect to Pods that could not be connected to before, over all Pods; to others ten times as many. Attempts that succeed are not counted.',
    },
    backoff: {
      meaning:
        'Delay between attempts to connect to one Pod. Each is made up to a fifth shorter or longer; those that are not given yield to those that are.',
    },
    'backoff.initialMs': { meaning: 'The first delay.' },
    'backoff.maxMs': { meaning: 'The largest delay.' },
    'backoff.downMs': { meaning: 'The largest delay while no Pod of the set takes calls.' },
    keepalive: { meaning: 'PINGs that find dead connections.', see: '[Keepalive](#keepalive)' },
    'keepalive.timeMs': { meaning: 'Silence after which a PING is sent while calls are open; 0 is off.' },
    'keepalive.timeoutMs': { meaning: 'How long the answer to a PING may take.' },
    'keepalive.withoutCalls': { meaning: 'PINGs are also sent while no call is open.' },
    maxConnectionsPerPod: {
      meaning: 'Connections to one Pod when its stream limit is used up (gRFC A105).',
    },
    drainMs: { meaning: 'How long a Pod that left the set may finish the calls it has.' },
    outlierDetection: {
      meaning:
        'Takes Pods out that fail calls although their connection works, and lets them back in one call at a time. `false` turns it off.',
      see: '[reliability.md](reliability.md)',
    },
    'outlierDetection.consecutiveFailures': {
      meaning: 'Failures in a row that eject a Pod; more while the other Pods fail, too. 0 is off.',
    },
    'outlierDetection.consecutiveTimeouts': {
      meaning:
        'Calls in a row that were not answered in the time that is usual for their method; more while the other Pods time out, too. 0 is off.',
    },
    'outlierDetection.successRate': {
      meaning: 'Compares each Pod with all others together. `false` turns it off.',
    },
    'outlierDetection.successRate.windowMs': { meaning: 'How far back calls count.' },
    'outlierDetection.successRate.maxRequests': {
      meaning: 'How many of the newest calls of a Pod count at most.',
    },
    'outlierDetection.successRate.minRequests': { meaning: 'How many calls of a Pod are needed.' },
    'outlierDetection.successRate.minDifference': {
      meaning: 'By how much the success rate must be lower; 0.1 is ten points.',
    },
    'outlierDetection.intervalMs': {
      meaning: 'How often success rates are compared, while there are calls.',
    },
    'outlierDetection.baseEjectionTimeMs': {
      meaning: 'How long the first ejection lasts, up to a fifth shorter or longer. It doubles each time.',
    },
    'outlierDetection.maxEjectionTimeMs': { meaning: 'The longest ejection.' },
    'outlierDetection.maxEjectionPercent': {
      meaning:
        'The largest share of the Pods that may be out, rounded down; Pods without a connection count.',
    },
    suspicion: {
      meaning:
        'Sends new calls elsewhere while a Pod owes replies and is silent, and asks it by one PING. `false` turns it off.',
      see: '[reliability.md](reliability.md)',
    },
    'suspicion.minMs': {
      meaning: 'The least silence that makes a Pod suspect; otherwise three times the usual longest one.',
    },
    slowStart: {
      meaning:
        'Raises the share of a Pod that joins a set which already serves, or returns from ejection, over a time. Not for hash policies, `pick_first` and the first set of a client.',
      unset: 'such a Pod has its whole share at once',
      see: '[reliability.md](reliability.md#slow-start)',
    },
    'slowStart.windowMs': { meaning: 'How long it takes until the Pod has its whole share.' },
    'slowStart.aggression': {
      meaning: '1 raises the share evenly; more raises it faster at first, less more slowly.',
    },
    'slowStart.minWeightPercent': { meaning: 'The share that the Pod begins with, in percent.' },
    'suspicion.timeoutMs': {
      meaning: 'How long the answer to the PING may take, before the connection is given up.',
    },
    panicThreshold: {
      meaning:
        'In percent of the Pods: when fewer take calls, ejections and suspicions are ignored. 0 is never.',
      see: '[reliability.md](reliability.md)',
    },
    hashKey: {
      meaning:
        'What the hash policies hash: the value of a metadata header, or what a function returns. Calls of equal keys go to the same Pod.',
      unset: 'calls go to any Pod',
    },
    waiting: { meaning: 'Calls that wait for a Pod.' },
    'waiting.maxCalls': { meaning: 'How many calls may wait.' },
    'waiting.timeoutMs': { meaning: 'How long each call waits, unless it waits for ready.' },
    limits: {
      meaning: 'Calls in flight; more wait. A stream counts until its first message has arrived.',
      see: '[reliability.md](reliability.md#overload)',
    },
    'limits.perPod': { meaning: 'How many on one Pod; 0 is no limit.' },
    'limits.perService': { meaning: 'How many on all Pods together; 0 is no limit.' },
    maxReceiveBytes: {
      meaning:
        'Largest message received, also after decompression; -1 is no limit. grpc-js has the same default.',
    },
    maxSendBytes: { meaning: 'Largest message sent; -1 is no limit.' },
    maxHeaderBytes: {
      meaning:
        'Largest headers or trailers of a reply, as SETTINGS_MAX_HEADER_LIST_SIZE counts: 32 bytes a field and its name and value. More ends the call. grpc-js takes less by default.',
    },
    compression: { meaning: 'How messages are compressed; `identity` is not at all.' },
    serviceConfig: {
      meaning: 'A gRPC service config, as an object or JSON text.',
      unset: 'none',
      see: '[Service config](#service-config)',
    },
    retries: {
      meaning:
        "`false` turns the service config's retries and hedging off; calls that no server has processed are still sent again.",
    },
    retryBudget: {
      meaning:
        "Bounds retries and hedges to a share of the calls. The service config's `retryThrottling` stands in its place; `false` removes it.",
    },
    'retryBudget.percent': { meaning: 'Retries for 100 calls.' },
    'retryBudget.minPerSecond': { meaning: 'Retries a second in any case.' },
    'retryBudget.windowMs': { meaning: 'Over how long calls and retries are counted.' },
    retryBuffer: { meaning: 'What is kept of messages so that another attempt can send them.' },
    'retryBuffer.perCallBytes': { meaning: 'How much of the messages of one call.' },
    'retryBuffer.perChannelBytes': { meaning: 'How much of the messages of all calls.' },
    callCredentials: {
      meaning:
        'Add metadata, such as a token, to every call; those of a client and of a call come on top. Need `tls`.',
      unset: 'none',
    },
  };
}

/** The words for values that only options of grpc-js set. */
export function grpcOnlyDocs(): Readonly<Record<GrpcOnlyName, OptionDoc>> {
  return {
    sslTargetName: { meaning: 'The same as `tls.serverName`, where TLS is on and that is not given.' },
    maxAttempts: { meaning: 'Most attempts at a call, whatever the service config says.' },
  };
}

/** The words as one text, with what holds where the table has no default. */
export function describe({ meaning, unset }: OptionDoc): string {
  return unset === undefined ? meaning : `${meaning} Default: ${unset}.`;
}
