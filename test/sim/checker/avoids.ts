import type { EntryOf } from '../history.ts';
import type { CallRecord, ClientRecord } from './book.ts';
import type { Invariant } from './check.ts';

/** Policies for which affinity is worth more than a moment's silence. */
const KEEPS_SUSPECTS = new Set(['ring_hash', 'maglev', 'pick_first']);

/** Why a call must not go there while another Pod takes it; undefined if it may. */
function objection(client: ClientRecord, pod: string, atMs: number): string | undefined {
  if (client.draining.has(pod)) return 'draining';
  const ejected = client.ejected.get(pod);
  if (ejected !== undefined && atMs < client.tryAtMs.get(pod)! && !client.isPanicking)
    return `ejected (${ejected.reason})`;
  if (client.suspects.has(pod) && !client.isPanicking && !KEEPS_SUSPECTS.has(client.facts.policy))
    return 'suspect';
  return undefined;
}

/** With so few open attempts every Pod has room. */
const FEW = 8;
/** A Pod that was able for less may not be in use yet. */
const ABLE_MS = 5_000;

/** H4 */
export const avoids: Invariant = {
  id: 'H4',
  text: 'no attempt on a draining, suspect or ejected Pod while another takes calls, outside panic and probation',
  begin(book, fail) {
    let doubtful: { readonly entry: EntryOf<'attempt'>; readonly why: string }[] = [];
    const judge = () => {
      for (const { entry, why } of doubtful) {
        const client = book.clients.get(entry.client)!;
        // What was changed in the same instant was changed before.
        if (objection(client, entry.pod, entry.atMs) === undefined) continue;
        const other = [...client.serving].find(
          (id) =>
            id !== entry.pod &&
            client.states.get(id) === 'ready' &&
            objection(client, id, entry.atMs) === undefined,
        );
        if (other !== undefined)
          fail(
            entry.atMs,
            `call ${entry.call} was sent to ${entry.pod}, which is ${why}; ${other} takes calls`,
          );
      }
      doubtful = [];
    };
    /** A call that is tried again goes to a Pod that has not had it. */
    const lookForTried = (
      { client: name, pod, atMs }: EntryOf<'attempt'>,
      { call, attempts }: CallRecord,
    ) => {
      const client = book.clients.get(name)!;
      const tried = attempts.slice(0, -1);
      // The Pod that has the call now was sent it a moment ago, when another may have had no room.
      if (attempts.length < 2 || client.mode !== 'direct' || client.facts.subset !== undefined) return;
      if (client.facts.policy === 'pick_first' || !tried.some((one) => one.pod === pod)) return;
      const other = [...client.serving].find(
        (id) =>
          client.states.get(id) === 'ready' &&
          book.ableForMs(id, atMs) > ABLE_MS &&
          book.openOn(name, id) < FEW &&
          !tried.some((one) => one.pod === id) &&
          objection(client, id, atMs) === undefined,
      );
      if (other !== undefined)
        fail(atMs, `call ${call} was sent to ${pod} again, although ${other} takes calls`);
    };
    return {
      see(entry) {
        if (doubtful.length > 0 && entry.atMs > doubtful[0]!.entry.atMs) judge();
        if (entry.is !== 'attempt') return;
        const call = book.calls.get(entry.call);
        if (call !== undefined && call.names === undefined) lookForTried(entry, call);
        const why = objection(book.clients.get(entry.client)!, entry.pod, entry.atMs);
        if (why === undefined || call === undefined) return;
        // A call that names a Pod ignores opinions, and one that was tried elsewhere may have no other left.
        const isFree = call.names === undefined && call.attempts.length === 1;
        if (isFree || why === 'draining') doubtful.push({ entry, why });
      },
      finish: judge,
    };
  },
};
