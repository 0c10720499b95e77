export { type Incremental as Building, runToEnd as finish } from '@podwire/core';
export type { AttemptFacts, Origin } from './attempt-facts.ts';
export {
  createPolicy,
  type OptionSchema,
  type PolicyName,
  policyNames,
  policyOptions,
} from './create-policy.ts';
export { hashKey } from './hash.ts';
export { LoadMeter, type LoadTotal, type Outcome } from './load-meter.ts';
export type { Monitor, MonitorFactory, PodControl } from './monitor.ts';
export { Block, type Pod } from './pod.ts';
export { canServe } from './policies/scan.ts';
export { zoneAware } from './policies/zone-aware.ts';
export type { LoadReports, Picker, PickInfo, Policy, PolicyInput } from './policy.ts';
export { type SubsetOptions, selectSubset } from './subset.ts';
