import { status as Status } from '@grpc/grpc-js';
import { Block, canServe } from '@podwire/balancer';
import type { HealthStatus } from '../pod/health-status.ts';
import type { ClientPod } from '../pod/pod.ts';
import type { Reason } from '../reasons.ts';
import type { Cluster } from './cluster.ts';

/** Why a call cannot even wait for a Pod. */
export interface Refusal {
  readonly code: Status;
  readonly reason: Reason;
  readonly details: string;
}

/** A call's conditions for a Pod. */
export interface Wish {
  /** The only Pod that it may go to. */
  readonly pod: string | undefined;
  readonly waitForReady: boolean;
}

/** How many Pods one error names; more are counted. */
const MAX_NAMED = 5;

/** Describes what a call waits for: the registry's answer, or the Pods that take no call, with the reasons. `named`: its only Pod. */
export function whyNoPod(service: string, cluster: Cluster, named?: string): string {
  const registry = cluster.feed?.status;
  const only = namedPod(cluster, named);
  if (only !== undefined) return `the Pod that the call names (${podProblem(only)})`;
  switch (cluster.state) {
    case 'unknown': {
      const error = registry?.lastError;
      return `the registry to name the Pods of ${service}${error === undefined ? '' : ` (${error})`}`;
    }
    case 'empty':
      return `a Pod of ${service}: ${registry?.missing ?? 'the registry names none'}`;
    case 'ready':
      return `room on a Pod of ${service} (${podProblems(cluster)})`;
    default:
      if (![...cluster.pods.values()].some(({ endpoint }) => canServe(endpoint)))
        return `a Pod of ${service} that takes calls (${podProblems(cluster)})`;
      return `a connection to a Pod of ${service} (${podProblems(cluster)})`;
  }
}

/** Why a call that does not wait for ready should fail at once; undefined when it may wait. */
export function whyUnavailable({ pod: named, waitForReady }: Wish, cluster: Cluster): Refusal | undefined {
  const only = namedPod(cluster, named);
  if (named !== undefined && only === undefined && cluster.state !== 'unknown') {
    const details = `the call names the Pod ${named}, which is not in the set`;
    return { code: Status.UNAVAILABLE, reason: 'NO_ENDPOINTS', details };
  }
  if (waitForReady) return undefined;
  if (only !== undefined) {
    if (!only.failing) return undefined;
    const details = `the Pod that the call names cannot be connected to (${podProblem(only)})`;
    return { code: Status.UNAVAILABLE, reason: 'NO_CONNECTION', details };
  }
  if (cluster.state === 'empty') {
    const details = cluster.feed?.status.missing ?? 'the registry names no Pod of the service';
    return { code: Status.UNAVAILABLE, reason: 'NO_ENDPOINTS', details };
  }
  if (cluster.state === 'failing') {
    return {
      code: Status.UNAVAILABLE,
      reason: 'NO_CONNECTION',
      details: `no Pod can be connected to (${podProblems(cluster)})`,
    };
  }
  return undefined;
}

function namedPod(cluster: Cluster, id: string | undefined): ClientPod | undefined {
  return id === undefined ? undefined : cluster.pods.get(id);
}

function podProblems(cluster: Cluster): string {
  const pods = [...cluster.pods.values()];
  const named = pods.slice(0, MAX_NAMED).map(podProblem);
  if (pods.length > MAX_NAMED) named.push(`and ${pods.length - MAX_NAMED} more`);
  return named.join('; ');
}

/** Why a Pod takes no call. */
function podProblem(pod: ClientPod): string {
  return `${pod.id}: ${problemOf(pod)}`;
}

/** Why a Pod takes no call because of its health, by what it says. */
const HEALTH_PROBLEMS: Readonly<Record<HealthStatus, string>> = {
  UNKNOWN: 'it has not said whether it serves',
  SERVING: 'it says again that it serves, and has to for a while, because it often changed its mind',
  NOT_SERVING: 'it says that it does not serve (NOT_SERVING)',
  SERVICE_UNKNOWN: 'its health service does not know the service (SERVICE_UNKNOWN)',
  UNIMPLEMENTED: 'it is blocked',
};

/** Why a Pod takes no call although it is connected; the first that holds. */
const BLOCK_PROBLEMS: readonly (readonly [bit: number, problem: string])[] = [
  [Block.PUSHBACK, 'it asked for a pause'],
  [Block.SUSPECT, 'it owes replies and is silent'],
  [Block.LIMITED, 'it has as many calls as a limit allows'],
];

function problemOf(pod: ClientPod): string {
  const { state, endpoint, weight, blocked, health, hasRoom, lastError, record } = pod;
  if (state !== 'ready' && lastError !== undefined) return lastError;
  if (endpoint.phase === 'draining') return 'it is draining';
  if (weight === 0) return 'its weight is 0';
  if (state !== 'ready') return state;
  if (!hasRoom) return 'every stream that it allows is in use';
  if ((blocked & (Block.UNANSWERED | Block.UNHEALTHY)) !== 0 && health !== undefined)
    return HEALTH_PROBLEMS[health];
  if ((blocked & Block.EJECTED) !== 0)
    return record?.ejection === undefined ? 'it is ejected' : `it is ejected (${record.ejection.reason})`;
  const problem = BLOCK_PROBLEMS.find(([bit]) => (blocked & bit) !== 0)?.[1];
  return problem ?? (blocked === 0 ? 'ready' : 'it is blocked');
}
