import { BrokenAnswer, KubernetesError } from './api/error.ts';

/** Answers that say nothing of the resource version: who we are, what we may do, and that the server has no time. */
const UNRELATED_STATUS = [401, 403, 429, 503];

/** Whether a watch may go on from where it was. After silence, nonsense or a refused version, what was missed is not known. */
export function isVersionGood(error: unknown): boolean {
  if (error instanceof BrokenAnswer || !(error instanceof KubernetesError)) return false;
  return error.status === undefined || UNRELATED_STATUS.includes(error.status);
}

/** Versions of one store are comparable numbers (https://kep.k8s.io/5504). */
export function isAtOrAfter(version: string | undefined, before: string | undefined): boolean {
  if (!/^\d+$/.test(version ?? '') || !/^\d+$/.test(before ?? '')) return false;
  return BigInt(version!) >= BigInt(before!);
}
