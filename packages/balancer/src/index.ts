export { LoadMeter, type Outcome } from './load-meter.ts';
export type { Picker, PickInfo, Pod, Policy, PolicyEnv } from './policy.ts';
