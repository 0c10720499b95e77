export { kubernetes } from './kubernetes.ts';
export type { KubernetesOptions } from './options.ts';
export type { AddressType } from './slices/service-object.ts';
