import { status as Status } from '@grpc/grpc-js';
import { InvalidInput } from '@podwire/core';
import { authorityText } from '../options/check.ts';
import { Call } from './call.ts';
import type { PlannedMethod } from './call-plan.ts';
import type { CallRuntime } from './call-runtime.ts';
import { followParent, type ParentCall } from './parent.ts';

/** Makes a call from the arguments of grpc-js's `createCall`. Throws `InvalidInput` for a wrong deadline or host. */
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

/** Converts a deadline from the caller's wall clock, as it is now, to the monotonic clock. */
function toClock(wallMs: number, { clock, callersMs }: CallRuntime): number {
  return wallMs === Number.POSITIVE_INFINITY ? wallMs : clock.nowMs() + wallMs - callersMs();
}
