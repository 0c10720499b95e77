import { OPINIONS, OWN_WORD } from '@podwire/balancer';
import type { PanicLevel } from '../observe/observer.ts';
import type { PodRank } from '../pod/rank.ts';

const EVERY = -1;
const HEEDED: Readonly<Record<PanicLevel, number>> = {
  none: EVERY,
  opinions: EVERY & ~OPINIONS,
  all: EVERY & ~(OPINIONS | OWN_WORD),
};

/**
 * Decides when a cluster ignores the reasons for which Pods are blocked (Envoy's panic threshold). It counts Pods by rank, so that a change costs the same in a
 * set of any size.
 */
export class Panic {
  readonly #counts: Record<PodRank, number> = { out: 0, lost: 0, unwilling: 0, doubted: 0, sound: 0 };
  #thresholdPercent: number;
  /** Whether the policy uses one Pod at a time: then there is a panic only when no Pod is left. */
  #usesOne: boolean;
  level: PanicLevel = 'none';
  /** The bits of `Block` that keep calls away now. */
  heeded: number = EVERY;

  constructor(thresholdPercent: number, usesOne: boolean) {
    this.#thresholdPercent = thresholdPercent;
    this.#usesOne = usesOne;
  }

  /** Returns whether the level changed. */
  configure(thresholdPercent: number, usesOne: boolean): boolean {
    this.#thresholdPercent = thresholdPercent;
    this.#usesOne = usesOne;
    return this.#look();
  }

  /** A Pod's rank changed. Returns whether the level did. */
  move(from: PodRank, to: PodRank): boolean {
    this.#counts[from] -= 1;
    this.#counts[to] += 1;
    return this.#look();
  }

  #look(): boolean {
    const level = this.#levelNow();
    if (level === this.level) return false;
    this.level = level;
    this.heeded = HEEDED[level];
    return true;
  }

  #levelNow(): PanicLevel {
    const { lost, unwilling, doubted, sound } = this.#counts;
    if (unwilling + doubted === 0 || this.#thresholdPercent === 0) return 'none';
    if (this.#usesOne && sound > 0) return 'none';
    const isLow = sound * 100 < this.#thresholdPercent * (lost + unwilling + doubted + sound);
    if (!isLow) return 'none';
    return sound + doubted === 0 ? 'all' : 'opinions';
  }
}
