// What a promise is measured by: functions of one client's history. They count calls wherever they can, since a busy machine
// moves milliseconds and not counts.

const OK = 0;
const bad = (client) => client.pods[0];
/** From the fault on. */
const since = (client, mark = 'fault') =>
  client.calls.filter(({ startMs }) => startMs >= client.marks[mark] - client.load.deadlineMs);
const failedOf = (calls) => calls.filter(({ code }) => code !== OK);
const percentile = (values, share) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
};
const latencies = (calls) => calls.map(({ dueMs, endMs }) => endMs - dueMs);

/** Failed calls of the whole run. */
export const failed = (client) => failedOf(client.calls).length;

/** Failed calls that began later than so long after a mark. */
export const failedAfter =
  (mark, ms = 0) =>
  (client) =>
    failedOf(client.calls.filter(({ startMs }) => startMs > client.marks[mark] + ms)).length;

/** Share of good calls, in percent, of those that began later than so long after a mark, and before another mark. */
export const goodAfter =
  (mark, ms, until = 'stopped') =>
  (client) => {
    const calls = client.calls.filter(
      ({ startMs }) => startMs > client.marks[mark] + ms && startMs < client.marks[until],
    );
    return calls.length === 0 ? 0 : 100 * (1 - failedOf(calls).length / calls.length);
  };

/** When the last failed call ended, in seconds from the fault; 0 when none failed. */
export const lastFailure = (client) =>
  Math.max(0, ...failedOf(since(client)).map(({ endMs }) => (endMs - client.marks.fault) / 1_000));

/** When the last call failed that the bad Pod's fault may have failed, in seconds from the fault, healing aside. */
export const outAfter = (client) =>
  Math.max(
    0,
    ...client.log
      .filter(({ pod, what, id, atMs }) => {
        return (
          pod === bad(client) &&
          what === 'begun' &&
          id.startsWith(client.name.replaceAll(' ', '-')) &&
          atMs > client.marks.fault
        );
      })
      .map(({ atMs }) => (atMs - client.marks.fault) / 1_000),
  );

/** Seconds from a mark until the bad Pod gave its next good reply. */
export const backAfter =
  (mark = 'healed') =>
  (client) => {
    const first = client.calls.find(
      ({ code, pod, startMs }) => code === OK && pod === bad(client) && startMs > client.marks[mark],
    );
    return first === undefined ? Number.POSITIVE_INFINITY : (first.endMs - client.marks[mark]) / 1_000;
  };

/** Seconds from a mark until the first good reply. */
export const goodAgain = (mark) => (client) => {
  const ends = client.calls
    .filter(({ code, endMs }) => code === OK && endMs > client.marks[mark])
    .map(({ endMs }) => endMs);
  return ends.length === 0 ? Number.POSITIVE_INFINITY : (Math.min(...ends) - client.marks[mark]) / 1_000;
};

/** The bad Pod's share of the calls that began between two times after marks, in percent. */
export const share =
  ([from, fromMs], [until, untilMs], pod = bad) =>
  (client) => {
    const calls = client.calls.filter(
      ({ startMs }) => startMs >= client.marks[from] + fromMs && startMs < client.marks[until] + untilMs,
    );
    return calls.length === 0
      ? 0
      : (100 * calls.filter((call) => call.pod === pod(client)).length) / calls.length;
  };

/** 99th percentile of latency, from the intended start, between two marks, in milliseconds. */
export const p99 = (from, until) => (client) =>
  percentile(
    latencies(
      client.calls.filter(({ startMs }) => startMs >= client.marks[from] && startMs < client.marks[until]),
    ),
    0.99,
  );

/** Attempts that Pods saw, for each call that began after a mark. */
export const attemptsPerCall =
  (from = 'fault', until = 'stopped') =>
  (client) => {
    const calls = client.calls.filter(
      ({ startMs }) => startMs >= client.marks[from] && startMs < client.marks[until],
    );
    const attempts = calls.reduce(
      (sum, { served }) => sum + served.filter(({ what }) => what !== 'ended').length,
      0,
    );
    return attempts / Math.max(1, calls.length);
  };

/** Connections that all clients together opened to Pods after a mark (Pods cannot tell whose they are). */
export const connects = (from, pod) => (client) =>
  client.log.filter(
    (entry) =>
      entry.what === 'connection' &&
      entry.atMs >= client.marks[from] &&
      (pod === undefined || entry.pod === pod),
  ).length;

/** How often podwire told one of these events. */
export const told =
  (...names) =>
  (client) =>
    client.seen?.events.filter(({ name }) => names.includes(name)).length;

/**
 * The cause is visible: seconds from the fault until an event names the Pod, and so does the snapshot, both with a word that matches. Undefined
 * for grpc-js, which tells nothing.
 */
export const visible =
  (word, mark = 'fault') =>
  (client) => {
    if (client.seen === undefined) return undefined;
    const after = client.marks[mark];
    const event = client.seen.events.find(
      ({ atMs, name, value }) =>
        atMs > after && value?.id === bad(client) && word.test(`${name} ${JSON.stringify(value)}`),
    );
    const look = client.seen.looks.find(
      ({ atMs, pods }) =>
        atMs > after && pods.some((pod) => pod.id === bad(client) && word.test(JSON.stringify(pod))),
    );
    if (event === undefined || look === undefined) return Number.POSITIVE_INFINITY;
    return (Math.max(event.atMs, look.atMs) - after) / 1_000;
  };

/** Calls that were open on the bad Pod at a mark. */
export const inFlight =
  (mark = 'fault') =>
  (client) =>
    client.calls.filter(({ pod, startMs, endMs }) => {
      return pod === bad(client) && startMs <= client.marks[mark] && endMs >= client.marks[mark];
    }).length;
