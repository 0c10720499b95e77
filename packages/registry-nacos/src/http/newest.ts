import type { ServiceInfo } from '../naming/naming.ts';

/** The newest list of one service: servers of a cluster know of a change at different times. */
export class Newest {
  #info: ServiceInfo | undefined;
  #time = 0;
  #wasRefused = false;

  /** Whether the last list was refused, so that Nacos should be asked again soon. */
  get isDoubtful(): boolean {
    return this.#wasRefused;
  }

  /**
   * The list to use after Nacos answered `info`. An older list than the known one is refused once; if the next is older as well, it is
   * used: a server that lost its memory or had a wrong clock must not block changes for ever.
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
