export { Followed, realTurn, until } from './follow.ts';
export { type ConformanceCase, type RegistryFixture, registryConformance } from './registry-conformance.ts';
export { endpointOf, ScriptedRegistry } from './scripted-registry.ts';
export { settle, VirtualClock } from './virtual-clock.ts';
