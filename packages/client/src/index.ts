export type { Endpoint, EndpointSet, Registry, RegistryUpdate } from '@podwire/registry';
export { InvalidInput } from '@podwire/registry';
