import type { Violation } from './checker/check.ts';
import { Checker } from './checker/checker.ts';
import { History } from './history.ts';
import { Situations } from './situations.ts';
import { dayPlan } from './world/day.ts';
import { drawPlan, type Plan } from './world/plan.ts';
import { World } from './world/world.ts';

/** What to simulate: a seed, or a day of a small service in so many hours. */
export interface Order {
  readonly seed: number;
  readonly dayHours?: number;
  /** Only these of the plan's faults, by their place in it. */
  readonly faults?: readonly number[];
  /** Ends the run where this invariant is broken. */
  readonly stopsAt?: string;
}

/** What came of it; plain JSON. */
export interface Outcome {
  readonly seed: number;
  /** Of the whole history: equal for equal seeds. */
  readonly digest: string;
  readonly entries: number;
  readonly calls: number;
  readonly virtualMs: number;
  readonly cpuMs: number;
  readonly faults: readonly string[];
  readonly violations: readonly Violation[];
  /** How often each situation was seen. */
  readonly situations: Readonly<Record<string, number>>;
  /** The last events before the first violation; empty without one. */
  readonly last: readonly string[];
}

/** The plan of an order. */
export function planOf({ seed, dayHours, faults }: Order): Plan {
  const plan = dayHours === undefined ? drawPlan(seed) : dayPlan(seed, dayHours);
  return faults === undefined ? plan : { ...plan, faults: faults.map((at) => plan.faults[at]!) };
}

/** Runs a plan and checks its history. `write` gets each line of the history. */
export async function simulate(
  plan: Plan,
  { write, stopsAt }: { readonly write?: (line: string) => void; readonly stopsAt?: string | undefined } = {},
): Promise<Outcome> {
  const checker = new Checker();
  const situations = new Situations(plan);
  let calls = 0;
  let last: readonly string[] = [];
  const history: History = new History((entry, line) => {
    if (entry.is === 'call') calls += 1;
    checker.see(entry);
    situations.see(entry, checker.book);
    if (last.length === 0 && checker.violations.length > 0) last = history.last;
    if (stopsAt !== undefined && checker.violations.some(({ invariant }) => invariant === stopsAt))
      world.engine.stop();
    write?.(line);
  });
  const world: World = new World(plan, history);
  const startMs = world.engine.nowMs();
  const before = process.cpuUsage();
  const crash = await world.run().then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  const { user, system } = process.cpuUsage(before);
  const violations = [...checker.finish()];
  if (crash !== undefined)
    violations.unshift({
      invariant: 'crash',
      atMs: world.engine.nowMs(),
      text: crash.stack ?? String(crash),
    });
  return {
    seed: plan.seed,
    digest: history.digest,
    entries: history.count,
    calls,
    virtualMs: Math.round(world.engine.nowMs() - startMs),
    cpuMs: Math.round((user + system) / 1_000),
    faults: plan.faults.map(
      ({ kind, atMs, forMs, pod, degree }) =>
        `${kind} at ${atMs} for ${forMs} ms (pod ${pod}, degree ${degree})`,
    ),
    violations,
    situations: situations.counts,
    last: violations.length === 0 ? [] : last.length > 0 ? last : history.last,
  };
}
