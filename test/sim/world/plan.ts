import { Dice } from '../dice.ts';
import { KINDS, type KindName, kindOf } from '../server/kinds.ts';
import { FAULTS, type FaultKind } from './fault-kinds.ts';

/** One thing that goes wrong, and comes right after a while. */
export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly forMs: number;
  /** Which Pod, if it is one of a Pod: counted from 0, over those that there are then. */
  readonly pod: number;
  /** How bad it is, from 0 to 1. */
  readonly degree: number;
}

/** The calls of one client. */
export interface Load {
  readonly callsPerSecond: number;
  readonly timeoutMs: number;
  /** Of a hundred calls so many. */
  readonly cancelPercent: number;
  readonly streamPercent: number;
  readonly namePercent: number;
  readonly waitForReadyPercent: number;
  /** How long a caller of a stream takes to read one message. */
  readonly readMs: number;
}

/** One client of the service: its options, and its calls. */
export interface ClientPlan {
  readonly name: string;
  readonly policy: string;
  readonly retries: 'none' | 'retry' | 'hedging';
  readonly throttled: boolean;
  readonly subset: number | undefined;
  readonly hashes: boolean;
  /** Undefined: podwire's own, which spares servers. */
  readonly keepaliveMs: number | undefined;
  readonly waitTimeoutMs: number;
  readonly maxWaiting: number;
  readonly maxConnectionsPerPod: number;
  readonly holdMs: number;
  readonly drainMs: number;
  readonly hasMesh: boolean;
  readonly load: Load;
}

/** All that a seed decides before the run begins. */
export interface Plan {
  readonly seed: number;
  readonly pods: readonly KindName[];
  readonly latencyMs: number;
  /** Of a hundred pieces of the network so many arrive in two. */
  readonly cutPercent: number;
  readonly byDns: boolean;
  readonly clients: readonly ClientPlan[];
  readonly faults: readonly Fault[];
  /** How long things go wrong, and how long nothing does afterwards. */
  readonly stormMs: number;
  readonly quietMs: number;
}

/** How long after the last fault everything must be as it was. */
export const RECOVERY_MS = 90_000;
const MEASURED_MS = 60_000;
const POLICIES = [
  'least_request',
  'round_robin',
  'peak_ewma',
  'random',
  'weighted_round_robin',
  'ring_hash',
  'maglev',
  'pick_first',
] as const;
/** Of a hundred seeds so many have no fault at all, and so many a large fleet. */
const CALM_PERCENT = 10;
const LARGE_PERCENT = 3;
const LARGE_FLEET = 200;

/** Draws a run from a seed: its fleet, its clients with their options and loads, and a subset of all faults. */
export function drawPlan(seed: number, options: { readonly stormMs?: number } = {}): Plan {
  const dice = new Dice(seed, 'plan');
  const { stormMs = dice.from(60, 180) * 1_000 } = options;
  const isLarge = dice.percent(LARGE_PERCENT);
  const count = isLarge ? LARGE_FLEET : dice.from(1, 12);
  const kinds = KINDS.map(({ name }) => name);
  const first = dice.one(kinds);
  const isMixed = dice.percent(30);
  const pods = Array.from({ length: count }, () => (isMixed ? dice.one(kinds) : first));
  const clients = Array.from({ length: dice.one([1, 1, 1, 2, 3]) }, (_, i) =>
    drawClient(dice, `client-${i + 1}`, pods),
  );
  return {
    seed,
    pods,
    latencyMs: dice.one([0.2, 0.5, 2, 20]),
    cutPercent: dice.one([0, 5, 50]),
    byDns: dice.percent(15),
    clients,
    faults: dice.percent(CALM_PERCENT) ? [] : drawFaults(dice, stormMs),
    stormMs,
    quietMs: RECOVERY_MS + MEASURED_MS,
  };
}

function drawClient(dice: Dice, name: string, pods: readonly KindName[]): ClientPlan {
  const isPoliced = pods.some((kind) => kindOf(kind).hasPingPolice);
  const policy = dice.one(POLICIES);
  return {
    name,
    policy,
    retries: dice.one(['none', 'none', 'retry', 'hedging'] as const),
    throttled: dice.percent(50),
    subset: pods.length >= 4 && dice.percent(15) ? dice.from(2, 4) : undefined,
    hashes: policy === 'ring_hash' || policy === 'maglev',
    // A caller that sets its own time has to know its servers.
    keepaliveMs: dice.one([undefined, undefined, isPoliced ? undefined : 2_000]),
    waitTimeoutMs: dice.one([10_000, 10_000, 500]),
    maxWaiting: dice.one([10_000, 10_000, 20]),
    maxConnectionsPerPod: dice.one([1, 2, 2, 4]),
    holdMs: dice.one([60_000, 5_000, 0]),
    drainMs: dice.one([30_000, 3_000]),
    hasMesh: dice.percent(20),
    load: {
      callsPerSecond: dice.one([10, 10, 25, 50]),
      timeoutMs: dice.one([500, 1_000, 5_000]),
      cancelPercent: dice.one([0, 2, 20]),
      streamPercent: dice.one([0, 5, 30]),
      namePercent: dice.one([0, 0, 3]),
      waitForReadyPercent: dice.one([0, 0, 10]),
      readMs: dice.one([0, 5, 100]),
    },
  };
}

/** A subset of the kinds of faults (a swarm), each at random times: some together, and each heals on its own. */
function drawFaults(dice: Dice, stormMs: number): readonly Fault[] {
  const swarm = dice.some(FAULTS, dice.one([15, 30, 60]));
  if (swarm.length === 0) swarm.push(dice.one(FAULTS));
  const everyMs = dice.one([3_000, 8_000, 20_000]);
  const faults: Fault[] = [];
  for (let atMs = dice.exponential(everyMs); atMs < stormMs; atMs += dice.exponential(everyMs)) {
    const longMs = dice.one([300, 2_000, 10_000, 30_000]);
    faults.push({
      kind: dice.one(swarm),
      atMs: Math.round(atMs),
      forMs: Math.round(Math.min(dice.exponential(longMs) + 50, stormMs - atMs)),
      pod: dice.below(1_000),
      degree: Math.round(dice.random() * 100) / 100,
    });
  }
  return faults;
}
