import { readFile } from 'node:fs/promises';

/** resolv.conf(5): a name with fewer dots is searched for first. */
const DEFAULT_NDOTS = 1;
/** At most this many search domains are used; glibc and musl limit them as well. */
const MAX_DOMAINS = 32;

/** The absolute names that the system tries for a name, in its order; none where there is no resolv.conf. */
export async function wholeNames(host: string): Promise<readonly string[]> {
  return readFile('/etc/resolv.conf', 'utf8').then(
    (text) => namesTried(host, text),
    () => [],
  );
}

/** The names to try, by the last `search` or `domain` of a resolv.conf(5). */
export function namesTried(host: string, resolvConf: string): readonly string[] {
  let domains: readonly string[] = [];
  let ndots = DEFAULT_NDOTS;
  for (const line of resolvConf.split('\n')) {
    const [keyword, ...words] = line.trim().split(/\s+/);
    if (keyword === 'search' || keyword === 'domain') domains = words.slice(0, MAX_DOMAINS);
    if (keyword !== 'options') continue;
    for (const word of words) ndots = Number(/^ndots:(\d+)$/.exec(word)?.[1] ?? ndots);
  }
  const searched = domains.map((domain) => `${host}.${domain.replace(/\.$/, '')}`);
  const dots = host.split('.').length - 1;
  const names = dots >= ndots ? [host, ...searched] : [...searched, host];
  return names.map((name) => (name.endsWith('.') ? name : `${name}.`));
}
