// One promise of a row: what is measured, and its limit under each load.

/**
 * `limits`: for each load's name a number, or a function of the client's history and podwire's. Kept when the measure is at most that.
 */
export const atMost = (what, measure, limits, unit = '') => ({
  what,
  measure,
  limits,
  unit,
  sign: '≤',
  holds: (value, limit) => value <= limit,
});

/** Kept when the measure is at least the limit. */
export const atLeast = (what, measure, limits, unit = '') => ({
  ...atMost(what, measure, limits, unit),
  sign: '≥',
  holds: (value, limit) => value >= limit,
});

/** Only with `--long`: a figure that a busy machine moves, or that takes long. */
export const long = (promise) => ({ ...promise, long: true });

/** The lines of the table for a promise: one for each load with a limit. `of` finds the history of a kind of client under a load. */
export function judge(row, promise, of) {
  return row.loads
    .filter(({ name }) => promise.limits[name] !== undefined)
    .map((load) => {
      const ours = of('podwire', load);
      const peer = of('grpc-js', load);
      const set = promise.limits[load.name];
      const limit = typeof set === 'function' ? set(ours) : set;
      const podwire = promise.measure(ours);
      return {
        id: row.id,
        of: row.of,
        what: row.loads.length > 1 ? `${promise.what}, ${load.name}` : promise.what,
        limit: `${promise.sign} ${round(limit)}${promise.unit}`,
        podwire: shown(podwire, promise.unit),
        'grpc-js': peer === undefined ? '' : shown(promise.measure(peer), promise.unit),
        kept: promise.holds(podwire, limit),
      };
    });
}

const round = (value) => (Number.isInteger(value) ? value : Number(value.toFixed(2)));
const shown = (value, unit) => {
  if (value === undefined) return '';
  return value === Number.POSITIVE_INFINITY ? 'never' : `${round(value)}${unit}`;
};
