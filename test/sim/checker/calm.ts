import type { Invariant } from './check.ts';

/** H14: only for histories without faults, or with one that all Pods share. */
export const calm: Invariant = {
  id: 'H14',
  text: 'a healthy fleet has no ejection, no reconnect and no flapping',
  begin(book, fail) {
    const connects = new Map<string, number>();
    const trouble: { readonly atMs: number; readonly pod: string; readonly text: string }[] = [];
    /** Pods that ended connections in order. */
    const leaving = new Set<string>();
    const once = new Map<string, string>();
    return {
      see(entry) {
        if (entry.is === 'goaway') leaving.add(entry.pod);
        if (entry.is === 'connect') connects.set(entry.pod, (connects.get(entry.pod) ?? 0) + 1);
        // Under hedging, a Pod that is slower than others loses calls to them, which counts against it.
        const hedges = 'client' in entry && book.clients.get(entry.client)?.facts.retries === 'hedging';
        if ((entry.is === 'ejected' && !hedges) || (entry.is === 'suspect' && entry.suspect))
          trouble.push({ atMs: entry.atMs, pod: entry.pod, text: `${entry.pod}: ${entry.is}` });
        if (entry.is !== 'pod') return;
        const key = `${entry.client} ${entry.pod}`;
        // A policy that uses one Pod lets others rest.
        const isInOrder = ['closed', 'draining', 'idle'].includes(entry.state);
        if (once.get(key) === 'ready' && !isInOrder)
          trouble.push({
            atMs: entry.atMs,
            pod: entry.pod,
            text: `${entry.pod} went from ready to ${entry.state}`,
          });
        once.set(key, entry.state);
      },
      finish() {
        if (book.hasUnevenFaults) return;
        for (const { atMs, pod, text } of trouble) if (!leaving.has(pod)) fail(atMs, text);
        let most = 0;
        for (const { facts } of book.clients.values()) most += facts.maxConnectionsPerPod;
        for (const [pod, count] of connects)
          if (count > most && !leaving.has(pod)) fail(0, `${count} connections were made to ${pod}`);
      },
    };
  },
};
