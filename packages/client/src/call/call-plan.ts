import type { MethodNorm } from '@podwire/balancer';
import type { StreamHead } from '@podwire/http2';
import type { Cluster } from '../cluster/cluster.ts';
import { NO_HEADERS } from '../headers/endpoint-headers.ts';
import type { MethodConfig } from '../options/method-config.ts';

/** For how many hosts that calls of one method name a head is kept. */
const MAX_HOSTS = 64;

/** The settings of one method's calls, from a route and from the channel. */
export interface PlanOptions {
  readonly cluster: Cluster;
  /** `/package.Service/Method` */
  readonly path: string;
  /** How long calls of the method take, whatever cluster they go to. */
  readonly norm: MethodNorm;
  readonly config: MethodConfig;
  readonly maxSendBytes: number;
  readonly maxReceiveBytes: number;
  /** Also true where only another cluster's policy needs a hash: the call may go there after a switch. */
  readonly needsHash: boolean;
}

/** Everything that calls of one method on one route to one cluster share. It is made once, and dropped with the route table. */
export class CallPlan implements PlanOptions {
  readonly cluster: Cluster;
  readonly path: string;
  readonly norm: MethodNorm;
  readonly config: MethodConfig;
  readonly maxSendBytes: number;
  readonly maxReceiveBytes: number;
  readonly needsHash: boolean;
  /** False once routes or settings changed. A call that was not sent yet then takes a new plan. */
  isCurrent = true;
  /** The head of a call that names no host of its own and has no headers. */
  readonly head: StreamHead;
  /** The same for calls that name their host. */
  #heads: Map<string, StreamHead> | undefined;

  constructor(options: PlanOptions) {
    this.cluster = options.cluster;
    this.path = options.path;
    this.norm = options.norm;
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

/** One method of the service. Calls keep it from `createCall` on. */
export interface PlannedMethod {
  /** `/package.Service/Method` */
  readonly path: string;
  /** The plan of all its calls; undefined if the routes look at more than the path, or have just changed. */
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
