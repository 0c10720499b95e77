import type { status as Code } from '@grpc/grpc-js';
import type { RawHeaders } from '@podwire/http2';
import type { PodwireStatus, Reason } from '../reasons.ts';
import type { Call } from './call.ts';
import { toMetadata } from './lazy-metadata.ts';

const NONE: RawHeaders = [];

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
  const tried = pods.length === 0 ? 'no Pod tried' : `tried ${pods.join(', ')}`;
  const details = `${what} [${call.host.service} ${call.method.path}; ${tried}; ${elapsedMs} ms]`;
  const metadata = toMetadata(trailers);
  return { code, details, metadata, reason, service: call.host.service, pods, elapsedMs };
}

function podsTried(call: Call): string[] {
  const pods = [...(call.attempts.tried ?? [])];
  const last = call.attempts.last?.pod.id;
  if (last !== undefined && pods.at(-1) !== last) pods.push(last);
  return pods;
}

/** Where the time went, for a call whose deadline passed. */
export function deadlineText(call: Call): string {
  const after = `deadline exceeded after ${Math.round(call.nowMs() - call.startedMs)} ms`;
  const { last } = call.attempts;
  if (call.deadlineMs <= call.startedMs) return 'the deadline had passed before the call was started';
  if (call.phase === 'authenticating') return `${after}, waiting for call credentials`;
  if (call.phase === 'waiting') return `${after}, waiting for ${call.host.waitingFor()}`;
  if (last === undefined) return after;
  const seen = last.replied ? 'after its reply began' : 'without a reply';
  return `${after}, ${Math.round(call.nowMs() - last.startedMs)} ms of it on ${last.pod.id} ${seen}`;
}
