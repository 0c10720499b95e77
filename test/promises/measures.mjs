// What a promise is measured by: functions of one client's history. They count calls wherever they can, since a busy machine
// moves milliseconds and not counts.

const OK = 0;
/** Longer than a call is open in a healthy fleet. */
const OPEN_MS = 100;
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

/** Failed calls, those that were open when the fault began among them; of the whole run where no fault has a time. */
export const failed = (client) => {
  const { fault = Number.NEGATIVE_INFINITY } = client.marks;
  return failedOf(client.calls.filter(({ startMs }) => startMs >= fault - OPEN_MS)).length;
};

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

/** Seconds from the fault until the bad Pod has no connection any more. */
export const lostAfter = (client) => {
  if (client.seen === undefined) return undefined;
  const look = client.seen.looks.find(
    ({ atMs, pods }) =>
      atMs > client.marks.fault && pods.some(({ id, state }) => id === bad(client) && state !== 'ready'),
  );
  return look === undefined ? Number.POSITIVE_INFINITY : (look.atMs - client.marks.fault) / 1_000;
};

/** Calls whose number is a multiple of the load's `killEvery`: they end the process that takes them. */
const kills = (client, { id }) => Number(id.split('-').at(-1)) % client.load.killEvery === 0;

/** On how many Pods the worst of the calls that kill ran. */
export const ofKillers = (client) =>
  Math.max(
    0,
    ...client.calls
      .filter((call) => kills(client, call))
      .map(({ served }) => served.filter(({ what }) => what === 'begun').length),
  );

/** Failed calls that kill no process. */
export const otherFailed = (client) => failedOf(client.calls).filter((call) => !kills(client, call)).length;

/** The Pod's share is off the fair one by so much of that, in percent. */
export const unfair = (from, until) => (client) => {
  const fair = 100 / client.load.pods;
  return (100 * Math.abs(share(from, until)(client) - fair)) / fair;
};

/** By how much the mean of the Pods' latency averages moved from its value at the fault, in percent; half of the time it was more. */
export const latencyMoved = (client) => {
  if (client.seen === undefined) return undefined;
  const { fault } = client.marks;
  const between = (fromMs, untilMs) =>
    client.seen.latencies.filter(([atMs]) => atMs >= fromMs && atMs < untilMs).map(([, ms]) => ms);
  const before = percentile(between(fault - 1_000, fault), 0.5);
  return (100 * Math.abs(percentile(between(fault, Number.POSITIVE_INFINITY), 0.5) - before)) / before;
};

/** How often a Pod was not ready any more, after a mark. */
export const disconnects =
  (mark = 'fault') =>
  (client) =>
    client.seen?.events.filter(({ atMs, name, value }) => {
      return atMs > client.marks[mark] && name === 'pod' && value.state !== 'ready';
    }).length;

/** The longest attempt to connect to a Pod, in seconds; one that has not ended counts until the end. */
export const longestAttempt = (podOf) => (client) => {
  if (client.seen === undefined) return undefined;
  const events = client.seen.events.filter(({ name, value }) => name === 'pod' && value.id === podOf(client));
  return Math.max(
    0,
    ...events.map(({ atMs, value }, i) => {
      if (value.state !== 'connecting') return 0;
      return ((events[i + 1]?.atMs ?? client.marks.stopped) - atMs) / 1_000;
    }),
  );
};

/** CPU of the client's process between two marks, as a multiple of what it was between two others. */
export const cpuRatio = (from, until, baseFrom, baseUntil) => (client) => {
  const perMs = (a, b) => {
    const inside = client.cpu.filter(([atMs]) => atMs >= client.marks[a] && atMs <= client.marks[b]);
    const [first, last] = [inside[0], inside.at(-1)];
    return (last[1] - first[1]) / (last[0] - first[0]);
  };
  return perMs(from, until) / perMs(baseFrom, baseUntil);
};

/** Failed calls with such words. */
export const failedWith = (words) => (client) =>
  failedOf(client.calls).filter(({ details }) => words.test(details)).length;

/** Good replies a second of all clients of the kind together, between two times after marks. */
export const goodput =
  ([from, fromMs], until) =>
  (client) => {
    const beganMs = client.marks[from] + fromMs;
    const endedMs = client.marks[until];
    const good = client.all.flatMap(({ calls }) =>
      calls.filter(({ code, endMs }) => code === OK && endMs >= beganMs && endMs < endedMs),
    );
    return good.length / ((endedMs - beganMs) / 1_000);
  };
