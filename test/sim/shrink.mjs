// Finds fewer faults that break the same invariant (delta debugging, after Zeller and Hildebrandt).
const MAX_RUNS = 60;

/** `faults`: the places of the fewest in the plan, or undefined where the order has no list of faults. */
export async function shrink(runner, order, outcome) {
  const [{ invariant }] = outcome.violations;
  if (order.dayHours !== undefined || outcome.faults.length === 0) return { faults: undefined, outcome };
  let faults = order.faults ?? outcome.faults.map((_, i) => i);
  let smallest = outcome;
  let runs = 0;
  const breaks = async (some) => {
    if (runs >= MAX_RUNS) return false;
    runs += 1;
    const { historyFile: _, ...rest } = order;
    const tried = await runner.one({ ...rest, faults: some });
    if (!tried.violations.some((one) => one.invariant === invariant)) return false;
    faults = some;
    smallest = tried;
    return true;
  };
  if (await breaks([])) return { faults, outcome: smallest };
  for (let parts = 2; faults.length > 1 && runs < MAX_RUNS; ) {
    const size = Math.ceil(faults.length / parts);
    let isSmaller = false;
    for (let at = 0; at < faults.length && !isSmaller; at += size) {
      const without = [...faults.slice(0, at), ...faults.slice(at + size)];
      isSmaller = without.length > 0 && (await breaks(without));
    }
    if (isSmaller) parts = Math.max(parts - 1, 2);
    else if (size === 1) break;
    else parts = Math.min(parts * 2, faults.length);
  }
  return { faults, outcome: smallest };
}
