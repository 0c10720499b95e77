import { type status as Code, Metadata, status as Status } from '@grpc/grpc-js';
import type { RawHeaders, StreamEnd } from '@podwire/http2';
import { whyNoPod } from '../cluster/unavailable.ts';
import { toMetadata } from '../headers/received-metadata.ts';
import type { RequestHeaders } from '../headers/request-headers.ts';
import type { PodwireStatus, Reason } from '../reasons.ts';
import type { Attempts } from './attempts.ts';
import type { CallPlan, PlannedMethod } from './call-plan.ts';
import type { CallRuntime } from './call-runtime.ts';
import type { EndStatus } from './status.ts';

const NONE: RawHeaders = [];
/** A server's timer may be early by this much, to which the deadline that it gets is rounded. */
const EARLY_MS = 1;

/** The parts of a call that its error is made of. */
interface FailedCall {
  readonly runtime: CallRuntime;
  readonly method: PlannedMethod;
  readonly plan: CallPlan | undefined;
  /** Undefined before the call was started, like the plan. */
  readonly attempts: Attempts | undefined;
  readonly request: RequestHeaders;
  readonly phase: string;
  readonly startedMs: number;
  readonly deadlineMs: number;
  nowMs(): number;
}

/** The status of a call that ends as its last attempt ended. */
export function endStatus(call: FailedCall, end: StreamEnd, ended: EndStatus): PodwireStatus {
  const { code, details: what, trailers, reason: why } = ended;
  const reason = why === 'CONNECTION_LOST' && call.runtime.closed ? 'CHANNEL_CLOSED' : why;
  // Such a call is not tried again, whatever the policy: the caller has seen part of the reply (gRFC A6, "committed").
  const began = end.kind === 'connection-lost' && call.attempts?.last?.replied === true;
  const details = began ? `${what}, after its reply began` : what;
  if (reason !== undefined) return callError(call, code, reason, details, trailers);
  if (code === Status.OK) return { code, details, metadata: toMetadata(trailers) };
  const due = code === Status.DEADLINE_EXCEEDED && call.deadlineMs - call.nowMs() <= EARLY_MS;
  return {
    ...{ code, details, metadata: toMetadata(trailers) },
    ...(due && { reason: 'DEADLINE_EXCEEDED' }),
    ...whereAndWhen(call),
  };
}

/** The status of a call that podwire ended. It tells what failed, the service, the Pods, and how long the call took. */
export function callError(
  call: FailedCall,
  code: Code,
  reason: Reason,
  what: string,
  trailers: RawHeaders = NONE,
): PodwireStatus {
  const place = whereAndWhen(call);
  const { service, pods, elapsedMs } = place;
  const tried = pods.length === 0 ? 'sent to no Pod' : `tried ${counted(pods)}`;
  const details = `${what} [${service} ${call.method.path}; ${tried}; ${elapsedMs} ms]`;
  return { code, details, metadata: toMetadata(trailers), reason, ...place };
}

/** The status of a call that its caller ended, or whose reply the caller's client could not use. */
export function callerStatus(call: FailedCall, code: Code, details: string): PodwireStatus {
  return {
    ...{ code, details, metadata: new Metadata() },
    ...(code === Status.CANCELLED && { reason: 'CANCELLED' }),
    ...whereAndWhen(call),
  };
}

/** The fields of every status of a failed call, whether the server or podwire ended it. */
function whereAndWhen(call: FailedCall): Required<Pick<PodwireStatus, 'service' | 'pods' | 'elapsedMs'>> {
  const elapsedMs = call.phase === 'new' ? 0 : Math.round(call.nowMs() - call.startedMs);
  return { service: call.runtime.service, pods: podsTried(call), elapsedMs };
}

/** Names each Pod once, with a count: a Pod that refuses is tried many times when no other is left. */
function counted(pods: readonly string[]): string {
  const times = new Map<string, number>();
  for (const pod of pods) times.set(pod, (times.get(pod) ?? 0) + 1);
  return [...times].map(([pod, n]) => (n === 1 ? pod : `${pod} (${n} times)`)).join(', ');
}

function podsTried({ attempts }: FailedCall): string[] {
  if (attempts?.tried !== undefined) return [...attempts.tried];
  return attempts?.last === undefined ? [] : [attempts.last.pod.id];
}

/** The status of a call whose deadline passed, or that waited for a Pod as long as it may. */
export function overdue(call: FailedCall): PodwireStatus {
  if (call.deadlineMs <= call.nowMs())
    return callError(call, Status.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED', deadlineText(call));
  const text = `no Pod took the call in ${call.runtime.waitTimeoutMs} ms; waited for ${waitedFor(call)}`;
  return callError(call, Status.UNAVAILABLE, 'WAIT_TIMEOUT', text);
}

/** Where the time went, for a call whose deadline passed. */
function deadlineText(call: FailedCall): string {
  const after = `deadline exceeded after ${Math.round(call.nowMs() - call.startedMs)} ms`;
  const { last, replaced } = call.attempts ?? {};
  if (call.deadlineMs <= call.startedMs) return 'the deadline had passed before the call was started';
  if (call.phase === 'authenticating') return `${after}, waiting for call credentials`;
  if (call.phase === 'waiting') return `${after}, waiting for ${waitedFor(call)}`;
  if (call.phase === 'pausing' && replaced !== undefined) {
    const { code, details } = replaced.status;
    return `${after}, waiting to try again (the last attempt ended with ${Status[code]}: ${details})`;
  }
  if (last === undefined) return after;
  const seen = last.replied ? 'after its reply began' : 'without a reply';
  return `${after}, ${Math.round(call.nowMs() - last.startedMs)} ms of it on ${last.pod.id} ${seen}`;
}

function waitedFor({ runtime, plan, request }: FailedCall): string {
  return plan === undefined ? 'a route' : whyNoPod(runtime.service, plan.cluster, request.pod);
}
