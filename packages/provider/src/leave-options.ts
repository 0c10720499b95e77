import { InvalidInput } from '@podwire/core';
import { ANNOUNCE_KEYS, type AnnounceOptions } from './announce.ts';
import { checkFunction, checkMs, checkNames, checkSignals } from './check-options.ts';
import type { DrainReport } from './drain-report.ts';
import type { LoadReporter } from './load-reporter.ts';

/** How a provider announces itself and stops, whether podwire or a framework binds its server. Times in milliseconds. */
export interface LeaveOptions extends Omit<AnnounceOptions, 'registry' | 'service' | 'port'> {
  /** Where the Pod is announced. Leave it out where something else lists the Pod, as Kubernetes does. */
  readonly registry?: AnnounceOptions['registry'];
  /** The service's name in the registry, or the names of all services of the server; needed with `registry`. */
  readonly service?: string | readonly string[];
  /** gRPC services that have a health status besides the whole server's (`''`). Default none. */
  readonly healthOf?: readonly string[];
  /** Reports the server's load to clients that ask; its interceptor must be the server's, too. Default none. */
  readonly load?: LoadReporter;
  /** Signals on which the provider leaves. */
  readonly signals?: readonly NodeJS.Signals[];
  /** How long the registry may take to remove the Pod, also where `serve` fails. Default 3 000. */
  readonly withdrawTimeoutMs?: number;
  /** How long consumers have to hear that the Pod leaves, while it goes on serving. Default 5 000. */
  readonly noticeMs?: number;
  /** How long calls may take to end after that. Default 20 000: all steps within Kubernetes's 30 s. */
  readonly graceMs?: number;
  /** Called when the provider left because of a signal. Default: `process.exit()`. */
  readonly onStopped?: (report: DrainReport) => void;
}

/** The keys of {@link LeaveOptions} besides those that `announce` takes. */
export const LEAVE_KEYS = [
  'healthOf',
  'load',
  'signals',
  'withdrawTimeoutMs',
  'noticeMs',
  'graceMs',
  'onStopped',
] as const;

/** Checked options with their defaults. */
export interface Steps {
  readonly options: LeaveOptions;
  readonly services: readonly string[];
  readonly signals: readonly NodeJS.Signals[];
  readonly withdrawTimeoutMs: number;
  readonly noticeMs: number;
  readonly graceMs: number;
}

/** Throws `InvalidInput`. */
export function checkSteps(options: LeaveOptions, byDefault: readonly NodeJS.Signals[]): Steps {
  const { registry, service, signals = byDefault } = options;
  const services = service === undefined ? [] : [service].flat();
  if (registry !== undefined && services.length === 0) {
    throw new InvalidInput('options.service', service, 'must name the service that is announced');
  }
  for (const [i, name] of services.entries()) {
    if (services.indexOf(name) !== i)
      throw new InvalidInput(`options.service[${i}]`, name, 'must be there once');
  }
  const { withdrawTimeoutMs = 3_000, noticeMs = 5_000, graceMs = 20_000 } = options;
  for (const [name, value] of Object.entries({ withdrawTimeoutMs, noticeMs, graceMs })) {
    checkMs(value, `options.${name}`);
  }
  checkSignals(signals, 'options.signals');
  checkNames(options.healthOf ?? [], 'options.healthOf');
  if (options.load !== undefined && typeof options.load?.addTo !== 'function')
    throw new InvalidInput('options.load', options.load, 'must be what loadReporter() returns');
  checkFunction(options.onStopped, 'options.onStopped');
  checkFunction(options.onProblem, 'options.onProblem');
  return { options, services, signals, withdrawTimeoutMs, noticeMs, graceMs };
}

/** The options that `announce` takes as well. */
export function announceOptions(options: LeaveOptions): Partial<AnnounceOptions> {
  const isTaken = ([key]: [string, unknown]) => (ANNOUNCE_KEYS as readonly string[]).includes(key);
  const taken = Object.fromEntries(Object.entries(options).filter(isTaken));
  return { ...taken, attributes: announcedAttributes(options.attributes) };
}

/** The attributes of a Pod with a health service: clients of podwire watch the service that `health.service` names, here the whole server. */
export function announcedAttributes(attributes: AnnounceOptions['attributes']): Record<string, string> {
  return { 'health.service': '', ...attributes };
}

/** The name of the whole server, and the names in the options. */
export function healthNames({ healthOf = [] }: LeaveOptions): readonly string[] {
  return ['', ...healthOf];
}
