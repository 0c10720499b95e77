import { createHash } from 'node:crypto';

/** The settings of one client, as far as the checks need them. */
export interface ClientFacts {
  readonly client: string;
  readonly policy: string;
  /** Whether calls that failed are tried again by a policy of their own. */
  readonly retries: 'none' | 'retry' | 'hedging';
  /** How often one call may be tried by that policy; 1 without one. */
  readonly maxAttempts: number;
  readonly waitTimeoutMs: number;
  readonly maxWaiting: number;
  readonly maxConnectionsPerPod: number;
  readonly drainMs: number;
  /** How many Pods it connects to; absent: all. */
  readonly subset?: number;
  /** The retry budget in use; absent: none. */
  readonly retryBudget?: {
    readonly percent: number;
    readonly minPerSecond: number;
    readonly windowMs: number;
  };
  readonly maxEjectionPercent?: number;
}

/** Counts of one client at one time, as its snapshot and as the simulation have them. */
export interface Counts {
  readonly open: number;
  readonly waiting: number;
  /** By Pod: attempts in flight, attempts ever, open connections. */
  readonly pods: Readonly<Record<string, readonly [inFlight: number, attempts: number, connections: number]>>;
}

type What =
  | ({ readonly is: 'client' } & ClientFacts)
  /** A call was started. `deadlineMs` is on the history's clock. */
  | {
      readonly is: 'call';
      readonly client: string;
      readonly call: number;
      readonly method: string;
      readonly deadlineMs?: number;
      /** The only Pod that it may go to. */
      readonly names?: string;
      readonly waitsForReady?: boolean;
    }
  | {
      readonly is: 'attempt';
      readonly client: string;
      readonly call: number;
      readonly pod: string;
      readonly isHedge?: true;
    }
  | {
      readonly is: 'attemptEnd';
      readonly client: string;
      readonly call: number;
      readonly pod: string;
      readonly code: number;
    }
  /** A server's application got a call. `process` tells one process of a Pod from the next. */
  | {
      readonly is: 'serve';
      readonly call: number;
      readonly pod: string;
      readonly process: number;
      readonly timeoutMs?: number;
      readonly previous?: number;
    }
  | {
      readonly is: 'end';
      readonly client: string;
      readonly call: number;
      readonly code: number;
      readonly reason?: string;
    }
  | { readonly is: 'cancel'; readonly call: number }
  /** The client was given this set of Pods. */
  | {
      readonly is: 'set';
      readonly client: string;
      readonly serving: readonly string[];
      readonly draining: readonly string[];
    }
  | {
      readonly is: 'pod';
      readonly client: string;
      readonly pod: string;
      readonly state: string;
      /** Why its last connection ended. */
      readonly error?: string;
    }
  | { readonly is: 'registry'; readonly client: string; readonly state: string; readonly held: number }
  | { readonly is: 'mode'; readonly client: string; readonly mode: string }
  /** podwire's opinions of a Pod. */
  | {
      readonly is: 'ejected';
      readonly client: string;
      readonly pod: string;
      readonly reason: string;
      readonly untilMs: number;
    }
  | { readonly is: 'returned'; readonly client: string; readonly pod: string }
  | { readonly is: 'suspect'; readonly client: string; readonly pod: string; readonly suspect: boolean }
  | { readonly is: 'panic'; readonly client: string; readonly panic: boolean }
  /** The client's process stands still for so long. */
  | { readonly is: 'stall'; readonly forMs: number }
  | { readonly is: 'fault'; readonly kind: string; readonly pod?: string; readonly begins: boolean }
  /** Whether a Pod would serve a call now, as the simulation knows it. */
  | { readonly is: 'able'; readonly pod: string; readonly able: boolean }
  /** A client begins to connect to a Pod. */
  | { readonly is: 'dial'; readonly client: string; readonly pod: string }
  /** A connection was opened to a Pod; from the client's side. */
  | { readonly is: 'connect'; readonly pod: string }
  /** A server began to end a connection in order. */
  | { readonly is: 'goaway'; readonly pod: string }
  /** A server ended a connection because of what the client did. */
  | { readonly is: 'police'; readonly pod: string; readonly what: string }
  /** Nothing has gone wrong for a while, and nothing will; `equal`: all Pods are of one kind; `listed`: as the registry has them. */
  | { readonly is: 'quiet'; readonly equal: boolean; readonly listed?: readonly string[] }
  | { readonly is: 'counts'; readonly client: string; readonly told: Counts; readonly true: Counts }
  /** Bytes that one connection holds back because the Pod takes none. */
  | { readonly is: 'held'; readonly pod: string; readonly bytes: number }
  /** All channels are closed: what is left of them. */
  | { readonly is: 'over'; readonly timers: number; readonly sockets: number; readonly calls: number };

/** One event of a history, with its time in milliseconds on one clock. */
export type Entry = { readonly atMs: number } & What;
export type EntryOf<K extends What['is']> = Extract<Entry, { readonly is: K }>;

/** How many of the last events a failure shows. */
const SHOWN = 50;

/** Takes the events of a run in their order: hashes them, shows them to its readers, and keeps the last ones. */
export class History {
  readonly #hash = createHash('sha256');
  readonly #readers: readonly ((entry: Entry, line: string) => void)[];
  readonly #last: string[] = [];
  #chunk = '';
  count = 0;

  constructor(...readers: readonly ((entry: Entry, line: string) => void)[]) {
    this.#readers = readers;
  }

  note(entry: Entry): void {
    const line = JSON.stringify(entry);
    this.#last[this.count % SHOWN] = line;
    this.count += 1;
    this.#chunk += `${line}\n`;
    if (this.#chunk.length > 1 << 16) this.#flush();
    for (const read of this.#readers) read(entry, line);
  }

  /** Equal for equal histories. */
  get digest(): string {
    this.#flush();
    return this.#hash.copy().digest('hex');
  }

  /** The newest events, in their order. */
  get last(): readonly string[] {
    const at = this.count % SHOWN;
    return this.count < SHOWN ? this.#last : [...this.#last.slice(at), ...this.#last.slice(0, at)];
  }

  #flush(): void {
    this.#hash.update(this.#chunk);
    this.#chunk = '';
  }
}
