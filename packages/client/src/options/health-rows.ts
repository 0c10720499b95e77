import type { Rows } from './option-kinds.ts';

/** Options about Pods whose connections live and that fail, hang or are slow all the same. */
export const HEALTH_ROWS = {
  outlierDetection: { kind: 'group', orFalse: true },
  'outlierDetection.consecutiveFailures': { kind: 'integer', min: 0, default: 5 },
  'outlierDetection.consecutiveTimeouts': { kind: 'integer', min: 0, default: 3 },
  'outlierDetection.successRate': { kind: 'group', orFalse: true },
  'outlierDetection.successRate.windowMs': { kind: 'integer', min: 1_000, default: 60_000 },
  'outlierDetection.successRate.maxRequests': { kind: 'integer', min: 1, default: 500 },
  'outlierDetection.successRate.minRequests': { kind: 'integer', min: 1, default: 10 },
  'outlierDetection.successRate.minDifference': { kind: 'number', min: 0, max: 1, default: 0.1 },
  'outlierDetection.intervalMs': { kind: 'integer', min: 10, default: 1_000 },
  'outlierDetection.baseEjectionTimeMs': { kind: 'integer', min: 1, default: 5_000 },
  'outlierDetection.maxEjectionTimeMs': { kind: 'integer', min: 1, default: 60_000 },
  'outlierDetection.maxEjectionPercent': { kind: 'integer', min: 0, max: 100, default: 50 },
  suspicion: { kind: 'group', orFalse: true },
  'suspicion.minMs': { kind: 'integer', min: 1, default: 100 },
  'suspicion.timeoutMs': { kind: 'integer', min: 1, default: 1_000 },
  slowStart: { kind: 'group', optional: true },
  'slowStart.windowMs': { kind: 'integer', min: 1 },
  'slowStart.aggression': { kind: 'number', min: 0.01, max: 100, default: 1 },
  'slowStart.minWeightPercent': { kind: 'number', min: 1, max: 100, default: 10 },
  panicThreshold: { kind: 'integer', min: 0, max: 100, default: 50, live: true },
} as const satisfies Rows;
