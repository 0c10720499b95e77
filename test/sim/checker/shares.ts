import type { ClientRecord } from './book.ts';
import type { Invariant } from './check.ts';

/** Policies that give equal Pods equal shares. */
const EQUAL = new Set(['round_robin', 'random', 'weighted_round_robin']);
/** Policies that may give one Pod less, as long as a stream is open on it or it was slow, and none nothing. */
const ALL = new Set([...EQUAL, 'least_request', 'peak_ewma']);
/** Fewer calls for each Pod say nothing. */
const LEAST = 10;
/** One history in a million is judged wrongly. */
const Z = 4.75;

/** The value that χ² of so many degrees of freedom exceeds once in a million (Wilson and Hilferty). */
function limit(degrees: number): number {
  const part = 2 / (9 * degrees);
  return degrees * (1 - part + Z * Math.sqrt(part)) ** 3;
}

/** Whether it connects to every Pod of its set. */
function isForAll({ facts }: ClientRecord): boolean {
  return facts.subset === undefined && facts.policy !== 'pick_first';
}

function isSame(set: ReadonlySet<string>, listed: readonly string[]): boolean {
  return set.size === listed.length && listed.every((pod) => set.has(pod));
}

/** H6 */
export const shares: Invariant = {
  id: 'H6',
  text: "90 s after the last fault everybody is back, and shares are the policy's",
  begin(book, fail) {
    /** By client and Pod, the calls that began since the quiet. */
    const counts = new Map<string, Map<string, number>>();
    let isEqual = false;
    let quietMs = Number.NaN;
    let lastMs = 0;
    return {
      see(entry) {
        lastMs = entry.atMs;
        if (entry.is === 'quiet') {
          isEqual = entry.equal;
          for (const { facts, serving } of book.clients.values())
            if (entry.listed !== undefined && !isSame(serving, entry.listed))
              fail(
                entry.atMs,
                `${facts.client} has ${[...serving].join()}; listed are ${entry.listed.join()}`,
              );
          quietMs = entry.atMs;
          for (const client of book.clients.values())
            for (const pod of isForAll(client) ? client.serving : [])
              if (!client.wasReady(pod, entry.atMs))
                fail(entry.atMs, `${pod} is not back for ${client.facts.client}: ${client.states.get(pod)}`);
        }
        if (entry.is !== 'attempt' || !book.isQuiet) return;
        const call = book.calls.get(entry.call);
        if (call?.names !== undefined || call?.attempts.length !== 1) return;
        const of = counts.get(entry.client) ?? new Map<string, number>();
        counts.set(entry.client, of.set(entry.pod, (of.get(entry.pod) ?? 0) + 1));
      },
      finish() {
        for (const { facts, serving } of book.clients.values()) {
          const of = counts.get(facts.client);
          if (of === undefined || !ALL.has(facts.policy) || facts.subset !== undefined) continue;
          const pods = [...serving];
          const seen = pods.map((pod) => of.get(pod) ?? 0);
          const sum = seen.reduce((a, b) => a + b, 0);
          const mean = sum / pods.length;
          if (pods.length < 2 || mean < LEAST || Number.isNaN(quietMs)) continue;
          const text = pods.map((pod, i) => `${pod}: ${seen[i]}`).join(', ');
          if (isEqual && EQUAL.has(facts.policy)) {
            const chi = seen.reduce((total, count) => total + (count - mean) ** 2 / mean, 0);
            if (chi > limit(pods.length - 1))
              fail(
                lastMs,
                `${facts.client}: ${facts.policy} shares ${sum} calls as ${text} (χ² ${chi.toFixed(1)})`,
              );
          } else if (isEqual && seen.some((count) => count === 0))
            fail(lastMs, `${facts.client}: a Pod gets nothing under ${facts.policy}: ${text}`);
        }
      },
    };
  },
};
