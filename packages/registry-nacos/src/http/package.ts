import type { Clock } from '@podwire/core';
import type { NacosNamingClient } from 'nacos';
import { CLIENT_ERROR, NacosError } from '../error.ts';

/** The one version whose inside is known. */
const VERSION = '2.6.3';
/** Nothing that the package logs is worth a secret in a log: errors are read from the requests themselves. */
const silent = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Console;

/** What the package sends its requests with, in place of its own. */
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

/** The package from npm, which is installed only by those who need it. */
export type LoadPackage = () => Promise<{ readonly NacosNamingClient: typeof NacosNamingClient }>;

/** Bundlers take the package in where it is installed; where it is not, they only warn of an import in a `try`. */
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
 * A client of the package that makes requests and does nothing by itself: it is closed as soon as it is there, which ends
 * its heartbeats, its polls and its UDP port, and leaves its requests. Rejects with what to install where it is missing.
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
  // Its heartbeats look whether they are over only after this time, 10 s, which keeps the process alive.
  beats._clientBeatInterval = 0;
  void beats.close();
  let giveUp = () => {};
  const late = new Promise<never>((_, reject) => {
    const error = new NacosError(`the package nacos is not ready after ${timeoutMs} ms`, CLIENT_ERROR);
    giveUp = clock.after(timeoutMs, () => reject(error)).cancel;
  });
  // Closed before its UDP port is open, it throws where no caller can catch it; late or not, it is closed once it is.
  const closed = client.ready().then(() => inside.close());
  try {
    await Promise.race([closed, late]);
  } finally {
    giveUp();
  }
  return client;
}
