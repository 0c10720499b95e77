/** How a server behaves while nothing is wrong with it. */
export interface Kind {
  readonly name: string;
  /** Calls at once; more wait in its queue. */
  readonly workers: number;
  /** The least and the most time for one call. */
  readonly serviceMs: readonly [least: number, most: number];
  /** Whether it stops the work of a call that was cancelled. */
  readonly cancels: boolean;
  readonly hasPingPolice?: true;
  readonly hasResetPolice?: true;
  readonly maxStreams?: number;
  /** It ends connections of this age. */
  readonly maxAgeMs?: number;
  /** GOAWAY in two steps. */
  readonly goesTwice?: true;
  readonly keepsHeaders?: true;
  /** It ends calls itself when their time is up. */
  readonly endsLate?: true;
}

const MANY = Number.POSITIVE_INFINITY;

/** Servers as they are found. Equal figures within one kind, so that a fleet of one kind shares its calls equally. */
export const KINDS = [
  { name: 'fast', workers: MANY, serviceMs: [1, 4], cancels: true, keepsHeaders: true },
  { name: 'slow', workers: MANY, serviceMs: [40, 80], cancels: true },
  { name: 'queueing', workers: 4, serviceMs: [15, 25], cancels: true, endsLate: true },
  { name: 'never-cancelling', workers: 8, serviceMs: [5, 15], cancels: false },
  {
    name: 'go',
    workers: MANY,
    serviceMs: [2, 8],
    cancels: true,
    hasPingPolice: true,
    goesTwice: true,
    keepsHeaders: true,
    endsLate: true,
  },
  { name: 'node', workers: MANY, serviceMs: [2, 8], cancels: true, hasResetPolice: true, maxStreams: 100 },
  { name: 'few-streams', workers: MANY, serviceMs: [5, 10], cancels: true, maxStreams: 10 },
  {
    name: 'ageing',
    workers: MANY,
    serviceMs: [2, 8],
    cancels: true,
    maxAgeMs: 20_000,
    goesTwice: true,
    hasPingPolice: true,
  },
] as const satisfies readonly Kind[];

export type KindName = (typeof KINDS)[number]['name'];

export function kindOf(name: KindName): Kind {
  return KINDS.find((kind) => kind.name === name)!;
}
