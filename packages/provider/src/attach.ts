import type { Server } from '@grpc/grpc-js';
import { checkKeys, InvalidInput } from '@podwire/core';
import { formatAddress } from '@podwire/registry';
import { ANNOUNCE_KEYS } from './announce.ts';
import { announceAll, withdrawAll } from './announce-all.ts';
import { Health } from './health.ts';
import { announceOptions, checkSteps, healthNames, LEAVE_KEYS, type LeaveOptions } from './leave-options.ts';
import { type Provider, Serving, type StoppableServer } from './serving.ts';

/** How a provider whose server a framework binds announces itself and stops. Times in milliseconds. */
export interface AttachOptions extends LeaveOptions {
  /** The port that the framework binds, 1–65535. */
  readonly port: number;
  /**
   * Signals on which the provider leaves. Default none: the framework handles them, and its hook awaits `drain()`. Give
   * `['SIGTERM']` where it does not; a second signal then ends the calls that are left.
   */
  readonly signals?: readonly NodeJS.Signals[];
}

/** A provider whose server a framework binds. */
export interface AttachedProvider extends Provider {
  /**
   * Call it when the server is bound: health then says `SERVING`, and the Pod is announced. Rejects with `InvalidInput` for a Pod that no
   * registry would accept. Does nothing once the provider leaves.
   */
  announce(): Promise<void>;
}

/**
 * Does what `serve` does, for a grpc-js server that a framework makes and binds. Call it before the server is bound, because it adds the
 * health service. Call `announce()` when the server is bound, and await `drain()` before the framework stops it. Throws
 * `InvalidInput`.
 */
export function attach(
  server: Pick<Server, 'addService'> & StoppableServer,
  options: AttachOptions,
): AttachedProvider {
  checkKeys(options, [...ANNOUNCE_KEYS, ...LEAVE_KEYS], 'options');
  if (typeof server?.addService !== 'function')
    throw new InvalidInput('server', typeof server, 'must be the grpc-js Server that the framework binds');
  const { port } = options;
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new InvalidInput('options.port', port, 'must be a port, an integer from 1 to 65535');
  const health = new Health();
  const steps = checkSteps(options, []);
  for (const name of healthNames(options)) health.set(name, 'NOT_SERVING');
  health.addTo(server);
  options.load?.addTo(server);
  const where = { address: formatAddress(options.host ?? 'localhost', port), port };
  const provider = new Serving(server, health, steps, where);
  let announced: Promise<void> | undefined;
  const isStarting = () => provider.state === 'starting';
  const announce = async () => {
    if (!isStarting()) return;
    for (const name of healthNames(options)) health.set(name, 'SERVING');
    const begun = await announceAll(
      { ...announceOptions(options), port },
      steps.services,
      steps.withdrawTimeoutMs,
    );
    if (isStarting()) return provider.list(begun);
    // The provider was told to leave meanwhile.
    const presences = begun.map(({ presence }) => presence);
    await withdrawAll(presences, steps.withdrawTimeoutMs, options.clock);
  };
  return Object.assign(provider, {
    announce() {
      announced ??= announce();
      return announced;
    },
  });
}
