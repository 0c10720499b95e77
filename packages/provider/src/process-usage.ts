import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';

/** What a process has used since it began. */
export interface Usage {
  /** CPU time over the number of cores, in milliseconds. */
  readonly cpuMs: number;
  /** Time in which the event loop was busy, in milliseconds. */
  readonly loopMs: number;
}

/** What this process has used. A limit of a container (cgroup) that is below the cores of the machine is not known to Node. */
export function processUsage(): Usage {
  const { user, system } = process.cpuUsage();
  const { active } = performance.eventLoopUtilization();
  return { cpuMs: (user + system) / 1_000 / availableParallelism(), loopMs: active };
}
