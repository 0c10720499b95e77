import type { EntryOf } from '../history.ts';
import type { Invariant } from './check.ts';

/** H3 */
export const afterRemoval: Invariant = {
  id: 'H3',
  text: 'no attempt on a Pod after its removal was delivered',
  begin(book, fail) {
    /** Attempts outside of the set. A set is told once it is in use, in the same instant: then they are within it. */
    let doubtful: EntryOf<'attempt'>[] = [];
    const judge = () => {
      for (const { atMs, call, pod, client } of doubtful) {
        const { serving, draining } = book.clients.get(client)!;
        if (!serving.has(pod) && !draining.has(pod))
          fail(atMs, `call ${call} was sent to ${pod}, which had left`);
      }
      doubtful = [];
    };
    return {
      see(entry) {
        if (doubtful.length > 0 && entry.atMs > doubtful[0]!.atMs) judge();
        if (entry.is !== 'attempt') return;
        const { serving, draining, known } = book.clients.get(entry.client)!;
        // The mesh is in no set.
        if (known.has(entry.pod) && !serving.has(entry.pod) && !draining.has(entry.pod)) doubtful.push(entry);
      },
      finish: judge,
    };
  },
};
