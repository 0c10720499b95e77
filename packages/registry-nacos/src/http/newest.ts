import type { ServiceInfo } from '../naming/naming.ts';

/** The newest list of one service: servers of a cluster know of a change at different times. */
export class Newest {
  #info: ServiceInfo | undefined;
  #time = 0;
  #wasRefused = false;

  /** Whether the last list was refused: another look is due soon. */
  get isDoubtful(): boolean {
    return this.#wasRefused;
  }

  /**
   * What holds after Nacos answered `info`. One that is older than what is known is refused, unless the next answer is
   * older as well: times of a server that lost its memory, or had a wrong clock, must not hold for ever.
   */
  accept(info: ServiceInfo): ServiceInfo {
    const time = typeof info.lastRefTime === 'number' ? info.lastRefTime : this.#time;
    if (this.#info !== undefined && time < this.#time && !this.#wasRefused) {
      this.#wasRefused = true;
      return this.#info;
    }
    this.#wasRefused = false;
    this.#time = time;
    this.#info = info;
    return info;
  }
}
