import { status as Status } from '@grpc/grpc-js';
import { InvalidInput } from '@podwire/core';
import { authorityText } from '../options/check.ts';
import { Call } from './call.ts';
import type { PlannedMethod } from './call-plan.ts';
import type { CallRuntime } from './call-runtime.ts';
import { followParent, type ParentCall } from './parent.ts';

/** A call as grpc-js's `createCall` is asked for it. Throws `InvalidInput` for a deadline or a host that is wrong. */
export function newCall(
  runtime: CallRuntime,
  method: PlannedMethod,
  deadline: Date | number,
  host: string | null | undefined,
  parent: ParentCall | null,
  flags: number | null | undefined,
): Call {
  const wallMs = Number(deadline);
  if (Number.isNaN(wallMs))
    throw new InvalidInput('deadline', String(deadline), 'must be a Date, or milliseconds since 1970');
  const authority = host === null || host === undefined ? undefined : authorityText(host, 'host');
  const call = new Call(runtime, method, toClock(wallMs, runtime), authority);
  if (parent !== null && parent !== undefined) {
    const cancel = () => call.cancelWithStatus(Status.CANCELLED, 'cancelled by the parent call');
    const inherited = followParent(parent, flags, cancel);
    call.follow(inherited, toClock(inherited.deadlineMs, runtime));
  }
  return call;
}

/** From the wall clock of deadlines, as their caller sees it now, to the one that does not jump. */
function toClock(wallMs: number, { clock, callersMs }: CallRuntime): number {
  return wallMs === Number.POSITIVE_INFINITY ? wallMs : clock.nowMs() + wallMs - callersMs();
}
