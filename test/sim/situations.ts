import type { Book, CallRecord } from './checker/book.ts';
import type { Entry, EntryOf } from './history.ts';
import type { Plan } from './world/plan.ts';

type Sees = (entry: Entry, book: Book) => boolean;

/** A situation that the end of a call shows. */
function ended(shows: (call: CallRecord, end: EntryOf<'end'>, book: Book) => boolean): Sees {
  return (entry, book) => {
    if (entry.is !== 'end') return false;
    const call = book.calls.get(entry.call);
    return call !== undefined && shows(call, entry, book);
  };
}

const reason =
  (wanted: string): Sees =>
  (entry) =>
    entry.is === 'end' && entry.reason === wanted;
const error =
  (pattern: RegExp): Sees =>
  (entry) =>
    entry.is === 'pod' && entry.error !== undefined && pattern.test(entry.error);
const policyOf = (call: CallRecord, book: Book) => book.clientOf(call).facts.retries;
const openCalls = (book: Book) => [...book.calls.values()].filter(({ ends }) => ends.length === 0);

/** Rare situations, each of which a run of all seeds must have seen. */
const SEEN: Readonly<Record<string, Sees>> = {
  'a call is tried again and succeeds': ended(
    ({ attempts }, { code }, book) =>
      code === 0 && attempts.length > 1 && !attempts.some((one) => one.isHedge) && book.hasFaults,
  ),
  'a call fails although it was tried three times': ended(
    (call, { code }, book) => code !== 0 && call.attempts.length >= 3 && policyOf(call, book) === 'retry',
  ),
  'a hedge is sent': (entry) => entry.is === 'attempt' && entry.isHedge === true,
  'three attempts at one call are open': ended(
    ({ attempts }) => attempts.filter((one) => one.isHedge).length >= 2,
  ),
  'a call without a policy is sent again, and runs once': ended(
    (call, { code }, book) => policyOf(call, book) === 'none' && code === 0 && call.attempts.length > 1,
  ),
  'a caller cancels while the call waits for a Pod': ended(
    ({ attempts, isCancelled }, { code }) => isCancelled && code === 1 && attempts.length === 0,
  ),
  'a caller cancels an attempt': ended(
    ({ attempts, isCancelled }, { code }) => isCancelled && code === 1 && attempts.length > 0,
  ),
  'a deadline passes while the call waits for a Pod': ended(
    ({ attempts }, end) => end.reason === 'DEADLINE_EXCEEDED' && attempts.length === 0,
  ),
  'a deadline passes on a Pod': ended(
    ({ attempts }, end) => end.reason === 'DEADLINE_EXCEEDED' && attempts.length > 0,
  ),
  'a call waits for a second and succeeds': ended(
    ({ atMs, attempts }, { code }) => code === 0 && attempts.length > 0 && attempts[0]!.atMs - atMs > 1_000,
  ),
  'a call waits for ready longer than calls may wait': ended(
    (call, { code }, book) =>
      code === 0 &&
      call.attempts.length > 0 &&
      call.attempts[0]!.atMs - call.atMs > book.clientOf(call).facts.waitTimeoutMs,
  ),
  'a call names its Pod and gets it': ended(
    ({ names, attempts }, { code }) => code === 0 && names !== undefined && attempts[0]?.pod === names,
  ),
  'a call names a Pod that is not there': ended(
    ({ names }, end) => names !== undefined && end.reason === 'NO_ENDPOINTS',
  ),
  'a server gets a call whose caller has gone': (entry, book) =>
    entry.is === 'serve' && (book.calls.get(entry.call)?.ends.length ?? 0) > 0,
  WAIT_TIMEOUT: reason('WAIT_TIMEOUT'),
  WAIT_QUEUE_FULL: reason('WAIT_QUEUE_FULL'),
  NO_CONNECTION: reason('NO_CONNECTION'),
  NO_ENDPOINTS: reason('NO_ENDPOINTS'),
  CONNECTION_LOST: reason('CONNECTION_LOST'),
  REFUSED: reason('REFUSED'),
  RESET: reason('RESET'),
  NOT_GRPC: reason('NOT_GRPC'),
  'a keepalive PING is not answered': error(/keepalive PING/),
  'TCP is not answered': error(/TCP was not answered/),
  'SETTINGS are not answered': error(/SETTINGS was not answered/),
  'a connection is refused': error(/ECONNREFUSED/),
  'a connection is reset': error(/ECONNRESET/),
  'a Pod closes a connection without a word': error(/closed the connection$/),
  'a Pod closes a connection before HTTP/2': error(/before HTTP\/2 began/),
  'a Pod sends GOAWAY with calls on the connection': (entry, book) =>
    entry.is === 'goaway' &&
    openCalls(book).some(({ attempts, serves }) => attempts.at(-1)?.pod === entry.pod && serves.length > 0),
  'a Pod has two connections of one client': (entry) =>
    entry.is === 'counts' && Object.values(entry.told.pods).some(([, , connections]) => connections > 1),
  'calls wait for room': (entry) => entry.is === 'counts' && entry.told.waiting > 0,
  'the kernel takes no bytes': (entry) => entry.is === 'held',
  'Pods are held against the registry': (entry) => entry.is === 'registry' && entry.held > 0,
  'the registry cannot be reached': (entry) => entry.is === 'registry' && entry.state === 'backing-off',
  'the set becomes empty': (entry) =>
    entry.is === 'set' && entry.serving.length + entry.draining.length === 0,
  'a Pod drains by the registry': (entry) => entry.is === 'set' && entry.draining.length > 0,
  'a Pod that left comes back': (entry, book) =>
    entry.is === 'pod' &&
    entry.state === 'ready' &&
    book.clients.get(entry.client)?.lastReadyMs.has(entry.pod) === true,
  'a process is replaced under its calls': (entry, book) =>
    entry.is === 'fault' &&
    entry.kind === 'move' &&
    openCalls(book).some(({ attempts }) => attempts.at(-1)?.pod === entry.pod),
  'no Pod is ready, and calls are open': (entry, book) =>
    entry.is === 'pod' &&
    entry.state !== 'ready' &&
    [...(book.clients.get(entry.client)?.serving ?? [])].every(
      (pod) => book.clients.get(entry.client)!.states.get(pod) !== 'ready',
    ) &&
    openCalls(book).length > 0,
  'all Pods die together': (entry) => entry.is === 'fault' && entry.kind === 'kill-all' && entry.begins,
  'our process stands still over a deadline': (entry, book) =>
    entry.is === 'stall' &&
    openCalls(book).some(
      ({ deadlineMs }) => deadlineMs !== undefined && deadlineMs < entry.atMs + entry.forMs,
    ),
  'our process stands still for a second or more, with calls': (entry, book) =>
    entry.is === 'stall' && entry.forMs >= 1_000 && openCalls(book).length > 0,
  'the wall clock steps under calls': (entry, book) =>
    entry.is === 'fault' && entry.kind === 'wall-step' && openCalls(book).length > 0,
  'a client goes to the mesh': (entry) => entry.is === 'mode' && entry.mode === 'mesh',
  'a client comes back from the mesh': (entry) => entry.is === 'mode' && entry.mode === 'direct',
};

/** What one seed's plan shows already. */
const DRAWN: Readonly<Record<string, (plan: Plan) => boolean>> = {
  'a fleet of one Pod': ({ pods }) => pods.length === 1,
  'a fleet of 200 Pods': ({ pods }) => pods.length >= 200,
  'Pods by DNS': ({ byDns }) => byDns,
  'a seed without a fault': ({ faults }) => faults.length === 0,
  'several clients': ({ clients }) => clients.length > 1,
  'a subset of the Pods': ({ clients }) => clients.some(({ subset }) => subset !== undefined),
};

/** All of them by name. */
export const SITUATIONS: readonly string[] = [...Object.keys(DRAWN), ...Object.keys(SEEN)];

/** Counts the situations of one history. */
export class Situations {
  readonly counts: Record<string, number> = {};
  readonly #left = new Map(Object.entries(SEEN));

  constructor(plan: Plan) {
    for (const [name, shows] of Object.entries(DRAWN)) if (shows(plan)) this.counts[name] = 1;
  }

  /** `book` has taken the entry. */
  see(entry: Entry, book: Book): void {
    for (const [name, sees] of this.#left) {
      if (!sees(entry, book)) continue;
      // Once for each history: some of them take a look at every open call.
      this.counts[name] = 1;
      this.#left.delete(name);
    }
  }
}
