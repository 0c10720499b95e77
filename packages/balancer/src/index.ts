export { type Incremental as Building, runToEnd as finish } from '@podwire/core';
export type { AttemptFacts, Origin } from './attempt-facts.ts';
export {
  createPolicy,
  type OptionSchema,
  type PolicyName,
  policyNames,
  policyOptions,
} from './create-policy.ts';
export { Evidence } from './evidence.ts';
export { hashKey } from './hash.ts';
export { LoadMeter, type LoadTotal, type Outcome } from './load-meter.ts';
export { MethodNorm } from './method-norm.ts';
export type { Monitor, MonitorFactory, PodControl, Report } from './monitor.ts';
export { OutlierDetection } from './outlier/outlier-detection.ts';
export type { OutlierOptions } from './outlier/outlier-options.ts';
export type { Ejection, EjectionReason, PodRecord, Unenforced } from './outlier/pod-record.ts';
export { Block, OPINIONS, OWN_WORD, type Pod } from './pod.ts';
export { canServe } from './policies/scan.ts';
export { zoneAware } from './policies/zone-aware.ts';
export type { LoadReports, Picker, PickInfo, Policy, PolicyInput } from './policy.ts';
export { SlowStart, type SlowStartOptions } from './slow-start.ts';
export { type SubsetOptions, selectSubset } from './subset.ts';
