import { BrokenAnswer, KubernetesError } from './api/error.ts';

/** Statuses that say nothing about the resource version: authentication, permissions, overload, or an unreachable server. */
const UNRELATED_STATUS = [401, 403, 429, 502, 503, 504];

const NUMBER = /^\d{1,40}$/;

/** Whether a watch may continue from its last version. After silence, nonsense or a refused version, changes may have been missed. */
export function isVersionGood(error: unknown): boolean {
  if (error instanceof BrokenAnswer || !(error instanceof KubernetesError)) return false;
  return error.status === undefined || UNRELATED_STATUS.includes(error.status);
}

/** Versions of one store are comparable numbers (https://kep.k8s.io/5504); versions that are not numbers have no order. */
export function isAtOrAfter(version: string | undefined, before: string | undefined): boolean {
  return compare(version, before) >= 0;
}

export function isBefore(version: string | undefined, after: string | undefined): boolean {
  return compare(version, after) < 0;
}

/** NaN when they are in no order. */
function compare(a: string | undefined, b: string | undefined): number {
  if (!NUMBER.test(a ?? '') || !NUMBER.test(b ?? '')) return Number.NaN;
  const [left, right] = [BigInt(a!), BigInt(b!)];
  return left < right ? -1 : left > right ? 1 : 0;
}
