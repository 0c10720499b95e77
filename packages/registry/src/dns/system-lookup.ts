import { type Clock, within } from '@podwire/core';
import { askByFamily, FAMILIES, type Family, type HalfAnswer, noneIfNotFound } from './families.ts';
import { lookup } from './node-dns.ts';
import { wholeNames } from './search-list.ts';

/** How long the question for one family may take before it counts as failed; by then the other one is usually answered. */
const FAMILY_MS = 15_000;

/** What a relative name resolved to: an absolute name, a name that DNS does not know (/etc/hosts), or nothing. */
type Meaning = { readonly whole: string } | 'elsewhere' | 'nothing';

/**
 * Addresses from getaddrinfo, with two questions for each absolute name: asked for both families at once, getaddrinfo does not
 * tell a family that failed from one without records (glibc reports "no such name" when the IPv4 question fails and there is no
 * IPv6 record).
 *
 * A relative name is asked for once as the system does it, and then as the absolute name that was found. By family, or while a server
 * fails, getaddrinfo would go on to the next search domain, where the name may belong to a stranger.
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

  /** Finds the absolute name that the system's answer is for, and the names that could not be asked for. */
  async #understand(host: string, addresses: readonly string[], signal: AbortSignal): Promise<HalfAnswer> {
    const failed: HalfAnswer['failed'][number][] = [];
    for (const whole of await wholeNames(host)) {
      const answer = await this.#byFamily(whole, signal);
      failed.push(...answer.failed);
      if (!answer.addresses.some((address) => addresses.includes(address))) continue;
      // If an earlier name could not be asked for, this one may belong to a stranger, so search again next time.
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
 * Callers that ask for one name share the question: while no server answers, getaddrinfo blocks one of Node's four threads, which
 * files need too, for up to a minute, and cannot be cancelled.
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
