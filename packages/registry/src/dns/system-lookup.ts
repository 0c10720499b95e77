import { type Clock, within } from '@podwire/core';
import { askByFamily, FAMILIES, type Family, type HalfAnswer, noneIfNotFound } from './families.ts';
import { lookup } from './node-dns.ts';
import { wholeNames } from './search-list.ts';

/** A family that the system's resolver is still busy with then has failed: what the other one has is known by now. */
const FAMILY_MS = 15_000;

/** What a name that is searched for turned out to be: a whole name, what DNS does not know (/etc/hosts), or nothing. */
type Meaning = { readonly whole: string } | 'elsewhere' | 'nothing';

/**
 * Addresses from getaddrinfo, of which two questions are asked for each whole name: asked for both families at once, it does not
 * tell one that failed from one that has nothing (glibc: an IPv4 question that fails beside an IPv6 one without records
 * is "no such name").
 *
 * A name that is searched for is asked for once as the system does it, and from then on as the whole name that was found: asked for
 * by family, or while a server fails, getaddrinfo goes on to the next search domain, where a stranger may have the name.
 */
export class SystemLookup {
  readonly #family: Family;
  readonly #clock: Clock;
  readonly #ask = oneAtATime(lookupAll);
  readonly #meanings = new Map<string, Meaning>();

  constructor(family: Family, clock: Clock) {
    this.#family = family;
    this.#clock = clock;
  }

  async addresses(host: string, isAbsolute: boolean, signal: AbortSignal): Promise<HalfAnswer> {
    if (isAbsolute) return this.#byFamily(host.endsWith('.') ? host : `${host}.`, signal);
    const meaning = this.#meanings.get(host);
    if (typeof meaning === 'object') {
      const answer = await this.#byFamily(meaning.whole, signal);
      if (answer.addresses.length > 0 || answer.failed.length > 0) return answer;
    }
    const addresses = await this.#ask(host, this.#family);
    if (meaning === 'elsewhere' || (meaning === 'nothing' && addresses.length === 0)) {
      return { addresses, failed: [] };
    }
    return this.#understand(host, addresses, signal);
  }

  /** Finds the whole name that the system answered for, and what it could not be asked for. */
  async #understand(host: string, addresses: readonly string[], signal: AbortSignal): Promise<HalfAnswer> {
    const failed: HalfAnswer['failed'][number][] = [];
    for (const whole of await wholeNames(host)) {
      const answer = await this.#byFamily(whole, signal);
      failed.push(...answer.failed);
      if (!answer.addresses.some((address) => addresses.includes(address))) continue;
      // After one that could not be asked, it may be a stranger, so that the name is searched for again.
      if (failed.length === answer.failed.length) this.#meanings.set(host, { whole });
      return { addresses: answer.addresses, failed };
    }
    if (failed.length === 0) this.#meanings.set(host, addresses.length === 0 ? 'nothing' : 'elsewhere');
    return { addresses, failed };
  }

  #byFamily(whole: string, signal: AbortSignal): Promise<HalfAnswer> {
    return askByFamily(FAMILIES[this.#family], async (family) => {
      const answer = this.#ask(whole, family);
      return (await within(answer, FAMILY_MS, 'the system did not answer', this.#clock, signal)) ?? [];
    });
  }
}

/**
 * While a name is asked for, every caller waits for the same answer: getaddrinfo holds one of Node's four threads, which files
 * need too, for up to a minute while no server answers, and cannot be ended.
 */
function oneAtATime<T>(
  ask: (host: string, family: Family) => Promise<T>,
): (host: string, family: Family) => Promise<T> {
  const asked = new Map<string, Promise<T>>();
  return (host, family) => {
    const key = `${family} ${host}`;
    const answer = asked.get(key) ?? ask(host, family).finally(() => asked.delete(key));
    asked.set(key, answer);
    return answer;
  };
}

async function lookupAll(host: string, family: Family): Promise<string[]> {
  const answers = await noneIfNotFound(lookup(host, { all: true, family: family === 'any' ? 0 : family }));
  return answers.map(({ address }) => address);
}
