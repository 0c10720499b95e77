import type { Clock } from '@podwire/core';
import type { NacosNamingClient } from 'nacos';
import { CLIENT_ERROR, NacosError } from '../error.ts';

/** The one version whose internals podwire knows. */
const VERSION = '2.6.3';
/** The package's logs may hold secrets, so podwire discards them and reads errors from the requests themselves. */
const silent = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Console;

/** The HTTP client that the package uses instead of its own. */
export interface PackageHttpClient {
  request(
    url: string,
    options: { readonly method: string; readonly data: Readonly<Record<string, unknown>> },
  ): Promise<{ readonly status: number; readonly data: string }>;
}

export interface PackageOptions {
  readonly serverList: readonly string[];
  readonly namespace: string;
  readonly httpclient: PackageHttpClient;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** The package from npm; users install it only if they need it. */
export type LoadPackage = () => Promise<{ readonly NacosNamingClient: typeof NacosNamingClient }>;

/** Bundlers include the package where it is installed; elsewhere an import inside `try` makes them only warn. */
export const loadPackage: LoadPackage = async () => {
  let failure: unknown;
  try {
    return await import('nacos');
  } catch (error) {
    failure = error;
  }
  throw failure;
};

interface Inside {
  readonly _beatReactor?: { _clientBeatInterval?: unknown; close(): Promise<void> };
  close(): Promise<void>;
}

/**
 * A client of the package for requests alone. It is closed as soon as it exists, which ends its heartbeats, polls and UDP port
 * and leaves requests working. Rejects with what to install where the package is missing.
 */
export async function openPackage(
  { timeoutMs, clock, ...options }: PackageOptions,
  load: LoadPackage,
): Promise<NacosNamingClient> {
  const { NacosNamingClient: Client } = await load().catch((error: NodeJS.ErrnoException) => {
    throw new NacosError(
      `protocol 'http' needs the package nacos ${VERSION}, which cannot be loaded (${error.code ?? error.name}): npm install nacos@${VERSION}`,
      CLIENT_ERROR,
    );
  });
  const client = new Client({ ...options, serverList: [...options.serverList], logger: silent });
  const inside = client as unknown as Inside;
  const beats = inside._beatReactor;
  if (typeof beats?._clientBeatInterval !== 'number') {
    throw new NacosError(
      `protocol 'http' needs the package nacos ${VERSION}; another version is installed: npm install nacos@${VERSION}`,
      CLIENT_ERROR,
    );
  }
  // The package's heartbeat timer checks for the end only after 10 s, and would keep the process alive until then.
  beats._clientBeatInterval = 0;
  void beats.close();
  let giveUp = () => {};
  const late = new Promise<never>((_, reject) => {
    const error = new NacosError(`the package nacos is not ready after ${timeoutMs} ms`, CLIENT_ERROR);
    giveUp = clock.after(timeoutMs, () => reject(error)).cancel;
  });
  // Closed before its UDP port is open, the client throws where no caller can catch it, so it is closed once the port is open.
  const closed = client.ready().then(() => inside.close());
  try {
    await Promise.race([closed, late]);
  } finally {
    giveUp();
  }
  return client;
}
