import { constants } from 'node:os';
import { InvalidInput, unknownWord } from '@podwire/core';

/** Throws `InvalidInput` unless it is a number of milliseconds, 0 or more; no limit is `Infinity`. */
export function checkMs(value: unknown, path: string): void {
  if (typeof value === 'number' && value >= 0) return;
  throw new InvalidInput(path, value, typeof value === 'number' ? 'must be 0 or more' : 'must be a number');
}

export function checkFunction(value: unknown, path: string): void {
  if (value === undefined || typeof value === 'function') return;
  throw new InvalidInput(path, value, 'must be a function');
}

/** With a misspelt name the real signal would end the process at once, with all its calls. */
export function checkSignals(signals: unknown, path: string): void {
  if (!Array.isArray(signals)) throw new InvalidInput(path, signals, "must be a list, such as ['SIGTERM']");
  const known = Object.keys(constants.signals);
  for (const [i, signal] of signals.entries()) {
    if (known.includes(signal)) continue;
    throw new InvalidInput(`${path}[${i}]`, signal, unknownWord(String(signal), known));
  }
}

export function checkNames(names: unknown, path: string): void {
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return;
  throw new InvalidInput(path, names, 'must be a list of names');
}

/** Whether a server with this host listens on all addresses, however the zeros are written. */
export const isUnspecified = (host: string) => host === '0.0.0.0' || /^[0:]*:[0:]*$/.test(host);

/** A client that used 0.0.0.0 would call itself. */
export function checkReachable(host: string, path: string): void {
  if (!isUnspecified(host)) return;
  throw new InvalidInput(
    path,
    host,
    'must be the address that others reach, not the one that a server listens on',
  );
}
