import type { Server, ServerCredentials } from '@grpc/grpc-js';
import { checkKeys, InvalidInput } from '@podwire/core';
import { formatAddress, parseAddress } from '@podwire/registry';
import { ANNOUNCE_KEYS } from './announce.ts';
import { type Announced, announceAll } from './announce-all.ts';
import { isUnspecified } from './check-options.ts';
import { Health } from './health.ts';
import { announceOptions, checkSteps, healthNames, LEAVE_KEYS, type LeaveOptions } from './leave-options.ts';
import { type Provider, Serving } from './serving.ts';

/** How a provider serves, announces itself and stops. Times in milliseconds. */
export interface ServeOptions extends LeaveOptions {
  /** Where the server listens: `0.0.0.0:50051`, `[::]:50051`. Port 0 takes a free port. */
  readonly address: string;
  /** grpc-js's server credentials, for the port that is bound. */
  readonly credentials: ServerCredentials;
  /** Signals on which the provider leaves. Default `['SIGTERM']`; a second signal ends the calls that are left. */
  readonly signals?: readonly NodeJS.Signals[];
}

const SERVE_KEYS = [
  ...ANNOUNCE_KEYS.filter((key) => key !== 'port'),
  ...LEAVE_KEYS,
  'address',
  'credentials',
];

/**
 * Serves: binds a grpc-js server whose services were added, answers the health service (`grpc.health.v1.Health`), and
 * only then announces the Pod. Rejects with `InvalidInput` for wrong options and when the address cannot be bound.
 */
export async function serve(server: Server, options: ServeOptions): Promise<Provider> {
  checkKeys(options, SERVE_KEYS, 'options');
  const { host } = checkPlace(options);
  const steps = checkSteps(options, ['SIGTERM']);
  const health = new Health();
  for (const name of healthNames(options)) health.set(name, 'NOT_SERVING');
  health.addTo(server);
  options.load?.addTo(server);
  const port = await bind(server, options);
  const shown = isUnspecified(host) ? options.host : (options.host ?? host);
  for (const name of healthNames(options)) health.set(name, 'SERVING');
  let announced: readonly Announced[];
  try {
    const at = shown === undefined ? { port } : { port, host: shown };
    announced = await announceAll(
      { ...announceOptions(options), ...at },
      steps.services,
      steps.withdrawTimeoutMs,
    );
  } catch (error) {
    server.forceShutdown();
    throw error;
  }
  // From here on consumers may call: a signal must not end the process at once.
  const provider = new Serving(server, health, steps, { address: formatAddress(shown ?? host, port), port });
  try {
    await provider.list(announced);
  } catch (error) {
    provider.abandon();
    throw error;
  }
  return provider;
}

function checkPlace({ address, credentials }: ServeOptions): { readonly host: string } {
  if (typeof address !== 'string') {
    throw new InvalidInput('options.address', address, "must be a string, such as '0.0.0.0:50051'");
  }
  if (typeof credentials !== 'object' || credentials === null) {
    throw new InvalidInput(
      'options.credentials',
      typeof credentials,
      'must be ServerCredentials of @grpc/grpc-js, such as ServerCredentials.createInsecure()',
    );
  }
  // Port 0 asks for a free port, and is not valid in an endpoint.
  return parseAddress(address.replace(/:0$/, ':1'), 'options.address');
}

function bind(server: Server, { address, credentials }: ServeOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(new InvalidInput('options.address', address, `cannot be bound: ${error.message}`));
    });
  });
}
