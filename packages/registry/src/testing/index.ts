export { settle, VirtualClock } from '@podwire/core/testing';
export { Followed, realTurn, until } from './follow.ts';
export { type ConformanceCase, type RegistryFixture, registryConformance } from './registry-conformance.ts';
export { endpointOf, ScriptedRegistry } from './scripted-registry.ts';
