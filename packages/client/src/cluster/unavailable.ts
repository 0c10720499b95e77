import { status as Status } from '@grpc/grpc-js';
import { canServe } from '@podwire/balancer';
import type { WatchStatus } from '@podwire/registry';
import type { Call } from '../call/call.ts';
import type { Refusal } from '../call/host.ts';
import type { ClientPod } from '../pod/pod.ts';
import type { Side } from './cluster.ts';

/** Pods named in one error; more are counted. */
const MAX_NAMED = 5;

/** What a call waits for, in words: what the registry said, or which Pods do not answer and how. `named` is its only Pod. */
export function whyNoPod(
  service: string,
  side: Side,
  registry: WatchStatus | undefined,
  named?: string,
): string {
  const only = namedPod(side, named);
  if (only !== undefined) return `the Pod that the call names (${podProblem(only)})`;
  switch (side.state) {
    case 'unknown': {
      const error = registry?.lastError;
      return `the registry to name the Pods of ${service}${error === undefined ? '' : ` (${error})`}`;
    }
    case 'empty':
      return `a Pod of ${service}: ${registry?.missing ?? 'the registry names none'}`;
    case 'ready':
      return `room on a Pod of ${service} (${podProblems(side)})`;
    default:
      if (![...side.pods.values()].some(({ endpoint }) => canServe(endpoint)))
        return `a Pod of ${service} that takes calls (${podProblems(side)})`;
      return `a connection to a Pod of ${service} (${podProblems(side)})`;
  }
}

/** Why a call that does not wait for ready should fail at once; undefined when it may wait. */
export function whyUnavailable(
  call: Call,
  side: Side,
  registry: WatchStatus | undefined,
): Refusal | undefined {
  const named = call.request.pod;
  const only = namedPod(side, named);
  if (named !== undefined && only === undefined && side.state !== 'unknown') {
    const details = `the call names the Pod ${named}, which is not in the set`;
    return { code: Status.UNAVAILABLE, reason: 'NO_ENDPOINTS', details };
  }
  if (call.waitForReady) return undefined;
  if (only !== undefined) {
    if (!only.failing) return undefined;
    const details = `the Pod that the call names cannot be connected to (${podProblem(only)})`;
    return { code: Status.UNAVAILABLE, reason: 'NO_CONNECTION', details };
  }
  if (side.state === 'empty') {
    const details = registry?.missing ?? 'the registry names no Pod of the service';
    return { code: Status.UNAVAILABLE, reason: 'NO_ENDPOINTS', details };
  }
  if (side.state === 'failing') {
    return {
      code: Status.UNAVAILABLE,
      reason: 'NO_CONNECTION',
      details: `no Pod can be connected to (${podProblems(side)})`,
    };
  }
  return undefined;
}

function namedPod(side: Side, id: string | undefined): ClientPod | undefined {
  return id === undefined ? undefined : side.pods.get(id);
}

function podProblems(side: Side): string {
  const pods = [...side.pods.values()];
  const named = pods.slice(0, MAX_NAMED).map(podProblem);
  if (pods.length > MAX_NAMED) named.push(`and ${pods.length - MAX_NAMED} more`);
  return named.join('; ');
}

/** Why a Pod takes no call. */
function podProblem(pod: ClientPod): string {
  return `${pod.id}: ${problemOf(pod)}`;
}

function problemOf({ state, endpoint, hasRoom, lastError }: ClientPod): string {
  if (state !== 'ready' && lastError !== undefined) return lastError;
  if (endpoint.phase === 'draining') return 'it is draining';
  if (endpoint.weight === 0) return 'its weight is 0';
  if (state !== 'ready') return state;
  return hasRoom ? 'ready' : 'every stream that it allows is in use';
}
