import type { StreamHead } from '@podwire/http2';
import type { Cluster } from '../cluster/cluster.ts';
import { NO_HEADERS } from '../headers/endpoint-headers.ts';
import type { MethodConfig } from '../options/method-config.ts';

/** Hosts that calls of one method name for themselves, of which is kept what they repeat. */
const MAX_HOSTS = 64;

/** What a route and the channel's settings say of the calls of one method. */
export interface PlanOptions {
  readonly cluster: Cluster;
  /** `/package.Service/Method` */
  readonly path: string;
  readonly config: MethodConfig;
  readonly maxSendBytes: number;
  readonly maxReceiveBytes: number;
  /** Also where this cluster's policy needs none, because another one's may: the call may go there after a switch. */
  readonly needsHash: boolean;
}

/** All that calls of one method on one route to one cluster share. Made once, and dropped with the route table. */
export class CallPlan implements PlanOptions {
  readonly cluster: Cluster;
  readonly path: string;
  readonly config: MethodConfig;
  readonly maxSendBytes: number;
  readonly maxReceiveBytes: number;
  readonly needsHash: boolean;
  /** False once routes or settings changed: a call that was not sent yet is planned anew. */
  isCurrent = true;
  /** What starts a call that names no host of its own and has no headers. */
  readonly head: StreamHead;
  /** The same for calls that name their host. */
  #heads: Map<string, StreamHead> | undefined;

  constructor(options: PlanOptions) {
    this.cluster = options.cluster;
    this.path = options.path;
    this.config = options.config;
    this.maxSendBytes = options.maxSendBytes;
    this.maxReceiveBytes = options.maxReceiveBytes;
    this.needsHash = options.needsHash;
    this.head = this.#headOf(options.cluster.authority);
  }

  headFor(host: string): StreamHead {
    this.#heads ??= new Map();
    let head = this.#heads.get(host);
    if (head === undefined) {
      head = this.#headOf(host);
      if (this.#heads.size === MAX_HOSTS) this.#heads.clear();
      this.#heads.set(host, head);
    }
    return head;
  }

  #headOf(authority: string): StreamHead {
    const { path, maxReceiveBytes } = this;
    const method = { path, authority, headers: this.cluster.commonHeaders };
    return { method, headers: NO_HEADERS, maxReceiveBytes };
  }
}

/** One method of the service, as a channel's routes see it. Calls keep it from `createCall` on. */
export interface PlannedMethod {
  /** `/package.Service/Method` */
  readonly path: string;
  /** The plan of all its calls, where nothing but the path decides and the routes have not changed. */
  readonly only: CallPlan | undefined;
}

/** Chooses a plan for each call: a channel's router. */
export interface Planner {
  /** The plan of a call that has no `only` one; undefined when no route matches it. `header` reads the call's metadata. */
  plan(
    method: PlannedMethod,
    host: string | undefined,
    header: (name: string) => string | undefined,
  ): CallPlan | undefined;
}
