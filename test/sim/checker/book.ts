import type { ClientFacts, Entry, EntryOf } from '../history.ts';

/** One call, as the history tells of it so far. */
export interface CallRecord {
  readonly call: number;
  readonly client: string;
  readonly method: string;
  readonly atMs: number;
  readonly deadlineMs: number | undefined;
  readonly names: string | undefined;
  readonly waitsForReady: boolean;
  readonly attempts: EntryOf<'attempt'>[];
  readonly serves: EntryOf<'serve'>[];
  readonly ends: EntryOf<'end'>[];
  isCancelled: boolean;
}

/** One client, as the history tells of it so far. */
export interface ClientRecord {
  readonly facts: ClientFacts;
  mode: string;
  /** The set that it was given last. */
  serving: ReadonlySet<string>;
  draining: ReadonlySet<string>;
  /** Every Pod that a set ever named. */
  readonly known: Set<string>;
  /** By Pod, the state of its connections. */
  readonly states: Map<string, string>;
  /** By Pod, when it was last seen to leave the state `ready`. */
  readonly lastReadyMs: Map<string, number>;
  readonly ejected: Map<string, EntryOf<'ejected'>>;
  /** By Pod that is ejected, from when on it may be tried. */
  readonly tryAtMs: Map<string, number>;
  readonly suspects: Set<string>;
  isPanicking: boolean;
  /** Whether a Pod is ready, or was a moment ago: one that ends its connections in order is not for a round trip. */
  wasReady(pod: string, nowMs: number): boolean;
}

/** A Pod may be without a connection for so long. */
const MOMENT_MS = 1_000;

/** How long a call is remembered after its end: its last attempt may be on its way to a server that cannot be reached. */
const REMEMBERED_MS = 300_000;

/** Keeps what the checks have in common, as the history goes on. */
export class Book {
  readonly clients = new Map<string, ClientRecord>();
  /** Calls that are open, or ended a while ago. */
  readonly calls = new Map<number, CallRecord>();
  /** Attempts that are open, by client and Pod. */
  readonly #open = new Map<string, number>();
  /** Since when each Pod would serve a call; undefined while it would not. */
  readonly ableSinceMs = new Map<string, number | undefined>();
  /** When the client's process last stood still, and until when. */
  stall = { fromMs: Number.NEGATIVE_INFINITY, untilMs: Number.NEGATIVE_INFINITY };
  /** Whether something went wrong on purpose, and whether with one Pod more than with the others. */
  hasFaults = false;
  hasUnevenFaults = false;
  isQuiet = false;
  readonly #ended: CallRecord[] = [];

  see(entry: Entry): void {
    const client = 'client' in entry ? this.clients.get(entry.client) : undefined;
    switch (entry.is) {
      case 'client':
        this.clients.set(entry.client, newClient(entry));
        break;
      case 'call':
        this.calls.set(entry.call, newCall(entry));
        break;
      case 'attemptEnd':
        this.#count(entry, -1);
        break;
      case 'attempt':
        this.#count(entry, 1);
        this.#onCall(entry);
        break;
      case 'serve':
      case 'end':
      case 'cancel':
        this.#onCall(entry);
        break;
      case 'set':
        client!.serving = new Set(entry.serving);
        client!.draining = new Set(entry.draining);
        for (const id of [...entry.serving, ...entry.draining]) client!.known.add(id);
        break;
      case 'pod':
        if (client!.states.get(entry.pod) === 'ready') client!.lastReadyMs.set(entry.pod, entry.atMs);
        client!.states.set(entry.pod, entry.state);
        // A new connection brings probation forward.
        if (entry.state === 'ready') client!.tryAtMs.set(entry.pod, entry.atMs);
        break;
      case 'mode':
        client!.mode = entry.mode;
        break;
      case 'ejected':
        client!.ejected.set(entry.pod, entry);
        client!.tryAtMs.set(entry.pod, entry.untilMs);
        break;
      case 'returned':
        client!.ejected.delete(entry.pod);
        break;
      case 'suspect':
        if (entry.suspect) client!.suspects.add(entry.pod);
        else client!.suspects.delete(entry.pod);
        break;
      case 'panic':
        client!.isPanicking = entry.panic;
        break;
      case 'able':
        this.ableSinceMs.set(entry.pod, entry.able ? entry.atMs : undefined);
        break;
      case 'stall':
        this.stall = {
          fromMs: entry.atMs,
          untilMs: Math.max(this.stall.untilMs, entry.atMs + entry.forMs),
        };
        break;
      case 'fault':
        this.hasFaults = true;
        this.hasUnevenFaults ||= entry.kind !== 'fail-evenly';
        break;
      case 'quiet':
        this.isQuiet = true;
        break;
      default:
    }
  }

  clientOf(call: CallRecord): ClientRecord {
    return this.clients.get(call.client)!;
  }

  /** How long the Pod has served every call; 0 if it would not now. */
  ableForMs(pod: string, nowMs: number): number {
    const sinceMs = this.ableSinceMs.get(pod);
    return sinceMs === undefined ? 0 : nowMs - sinceMs;
  }

  /** How many attempts of the client are open on the Pod. */
  openOn(client: string, pod: string): number {
    return this.#open.get(`${client} ${pod}`) ?? 0;
  }

  #count({ client, pod }: EntryOf<'attempt'> | EntryOf<'attemptEnd'>, change: number): void {
    const key = `${client} ${pod}`;
    this.#open.set(key, (this.#open.get(key) ?? 0) + change);
  }

  #onCall(entry: EntryOf<'attempt'> | EntryOf<'serve'> | EntryOf<'end'> | EntryOf<'cancel'>): void {
    const call = this.calls.get(entry.call);
    if (call === undefined) return;
    if (entry.is === 'attempt') call.attempts.push(entry);
    else if (entry.is === 'serve') call.serves.push(entry);
    else if (entry.is === 'cancel') call.isCancelled = true;
    else {
      call.ends.push(entry);
      this.#ended.push(call);
      this.#forget(entry.atMs);
    }
  }

  #forget(nowMs: number): void {
    // In parts: each removal from the front of an array moves all that is behind it.
    if (this.#ended.length < 10_000 || this.#ended[5_000]!.ends[0]!.atMs > nowMs - REMEMBERED_MS) return;
    for (const { call } of this.#ended.splice(0, 5_000)) this.calls.delete(call);
  }
}

function newClient(facts: ClientFacts): ClientRecord {
  const states = new Map<string, string>();
  const lastReadyMs = new Map<string, number>();
  return {
    facts,
    mode: 'direct',
    serving: new Set(),
    draining: new Set(),
    known: new Set(),
    states,
    lastReadyMs,
    ejected: new Map(),
    tryAtMs: new Map(),
    suspects: new Set(),
    isPanicking: false,
    wasReady: (pod, nowMs) =>
      states.get(pod) === 'ready' || nowMs - (lastReadyMs.get(pod) ?? Number.NEGATIVE_INFINITY) < MOMENT_MS,
  };
}

function newCall({
  call,
  client,
  method,
  atMs,
  deadlineMs,
  names,
  waitsForReady = false,
}: EntryOf<'call'>): CallRecord {
  return {
    call,
    client,
    method,
    atMs,
    deadlineMs,
    names,
    waitsForReady,
    attempts: [],
    serves: [],
    ends: [],
    isCancelled: false,
  };
}
