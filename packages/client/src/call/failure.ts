import { type status as Code, status as Status } from '@grpc/grpc-js';
import type { RawHeaders, StreamEnd } from '@podwire/http2';
import type { PodwireStatus, Reason } from '../reasons.ts';
import type { Call } from './call.ts';
import { toMetadata } from './received-metadata.ts';
import type { EndStatus } from './status.ts';

const NONE: RawHeaders = [];

/** The status of a call that ends as its last attempt ended. */
export function endStatus(call: Call, end: StreamEnd, ended: EndStatus): PodwireStatus {
  const { code, details: what, trailers, reason: why } = ended;
  const reason = why === 'CONNECTION_LOST' && call.host.closed ? 'CHANNEL_CLOSED' : why;
  // Such a call is not tried again, whatever the policy: the caller has seen part of the reply (gRFC A6, "committed").
  const began = end.kind === 'connection-lost' && call.attempts.last?.replied === true;
  const details = began ? `${what}, after its reply began` : what;
  if (reason !== undefined) return callError(call, code, reason, details, trailers);
  return { code, details, metadata: toMetadata(trailers) };
}

/** The status of a call that podwire ended: what failed, which service and Pods, how long it took. */
export function callError(
  call: Call,
  code: Code,
  reason: Reason,
  what: string,
  trailers: RawHeaders = NONE,
): PodwireStatus {
  const elapsedMs = Math.round(call.nowMs() - call.startedMs);
  const pods = podsTried(call);
  const tried = pods.length === 0 ? 'no Pod tried' : `tried ${counted(pods)}`;
  const details = `${what} [${call.host.service} ${call.method.path}; ${tried}; ${elapsedMs} ms]`;
  const metadata = toMetadata(trailers);
  return { code, details, metadata, reason, service: call.host.service, pods, elapsedMs };
}

/** Each Pod once, with how often: one that refuses is asked many times when no other is left. */
function counted(pods: readonly string[]): string {
  const times = new Map<string, number>();
  for (const pod of pods) times.set(pod, (times.get(pod) ?? 0) + 1);
  return [...times].map(([pod, n]) => (n === 1 ? pod : `${pod} (${n} times)`)).join(', ');
}

function podsTried(call: Call): string[] {
  const pods = [...(call.attempts.tried ?? [])];
  const last = call.attempts.last?.pod.id;
  if (last !== undefined && pods.at(-1) !== last) pods.push(last);
  return pods;
}

/** The status of a call whose deadline passed, or that waited for a Pod as long as it may. */
export function overdue(call: Call): PodwireStatus {
  if (call.deadlineMs <= call.nowMs())
    return callError(call, Status.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED', deadlineText(call));
  const text = `no Pod took the call in ${call.host.waitTimeoutMs} ms; waited for ${call.host.waitingFor(call)}`;
  return callError(call, Status.UNAVAILABLE, 'WAIT_TIMEOUT', text);
}

/** Where the time went, for a call whose deadline passed. */
function deadlineText(call: Call): string {
  const after = `deadline exceeded after ${Math.round(call.nowMs() - call.startedMs)} ms`;
  const { last } = call.attempts;
  if (call.deadlineMs <= call.startedMs) return 'the deadline had passed before the call was started';
  if (call.phase === 'authenticating') return `${after}, waiting for call credentials`;
  if (call.phase === 'waiting') return `${after}, waiting for ${call.host.waitingFor(call)}`;
  if (call.phase === 'pausing') return `${after}, waiting to try again`;
  if (last === undefined) return after;
  const seen = last.replied ? 'after its reply began' : 'without a reply';
  return `${after}, ${Math.round(call.nowMs() - last.startedMs)} ms of it on ${last.pod.id} ${seen}`;
}
