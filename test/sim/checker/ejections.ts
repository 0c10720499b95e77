import type { ClientRecord } from './book.ts';
import type { Invariant } from './check.ts';

const WITNESSES = 3;
const DEFAULT_PERCENT = 50;
/** A Pod that served every call for so long is not ejected for a fault. */
const WELL_MS = 120_000;

/** H9: only for clients that eject. */
export const ejections: Invariant = {
  id: 'H9',
  text: 'no ejection without a witness, beyond the percentage, or from a stall',
  begin(book, fail) {
    /** By client and Pod, the times of successes since the Pod's last one. */
    const successes = new Map<string, Map<string, number[]>>();
    /** Pods that are out or on probation, with their clients. */
    const out = new Set<string>();
    const of = (client: string) => {
      const found = successes.get(client) ?? new Map<string, number[]>();
      successes.set(client, found);
      return found;
    };
    const witnesses = (client: string, pod: string): number => {
      const own = of(client).get(pod) ?? [];
      const runMs = own.at(-1) ?? Number.NEGATIVE_INFINITY;
      let count = 0;
      for (const [other, times] of of(client))
        if (other !== pod) count += times.filter((atMs) => atMs >= runMs).length;
      return count;
    };
    const isTooMany = ({ facts, ejected, serving }: ClientRecord) => {
      const percent = facts.maxEjectionPercent ?? DEFAULT_PERCENT;
      // Pods that left are out of the set, and not of these.
      const count = [...ejected.keys()].filter((pod) => serving.has(pod)).length;
      return count > Math.floor((serving.size * percent) / 100);
    };
    return {
      see(entry) {
        if (entry.is === 'attemptEnd' && entry.code === 0) {
          const times = of(entry.client).get(entry.pod) ?? [];
          times.push(entry.atMs);
          // More than are ever needed.
          if (times.length > 50) times.shift();
          of(entry.client).set(entry.pod, times);
        }
        if (entry.is === 'returned') out.delete(`${entry.client} ${entry.pod}`);
        if (entry.is !== 'ejected') return;
        const { client, pod, reason, atMs } = entry;
        // A probation that failed needs no witness, and takes no further Pod out.
        if (out.has(`${client} ${pod}`)) return;
        out.add(`${client} ${pod}`);
        if (reason.startsWith('consecutive_') && witnesses(client, pod) < WITNESSES)
          fail(atMs, `${client} ejected ${pod} (${reason}) without a witness`);
        if (isTooMany(book.clients.get(client)!))
          fail(atMs, `${client} ejected ${pod} beyond the percentage`);
        // Under hedging, a Pod that is slower than others loses calls to them, which counts against it.
        const { retries } = book.clients.get(client)!.facts;
        const isWell = book.ableForMs(pod, atMs) > WELL_MS && retries !== 'hedging';
        if (isWell && reason.startsWith('consecutive_'))
          fail(atMs, `${client} ejected ${pod} (${reason}), which serves every call`);
      },
    };
  },
};
