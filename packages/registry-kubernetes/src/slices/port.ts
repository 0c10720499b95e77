import type { PortChoice } from '../service-ref.ts';
import type { Slice, SlicePort } from './service-object.ts';

/** What Services put in `appProtocol` for gRPC (https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol). */
const GRPC_PROTOCOLS = ['grpc', 'kubernetes.io/h2c', 'kubernetes.io/grpc'];

/**
 * The port of a slice's Pods that the target names, or undefined when they have none of that name or number. Slices of
 * one Service may differ: a named target port may have another number in each Pod template.
 */
export function portOf(slice: Slice, choice: PortChoice): number | undefined {
  switch (choice.by) {
    case 'name':
      return slice.ports.find(({ name }) => name === choice.name)?.port;
    case 'number': {
      const open = slice.ports.length === 0 || slice.ports.some(({ port }) => port === undefined);
      return open || slice.ports.some(({ port }) => port === choice.port) ? choice.port : undefined;
    }
    case 'only':
      return onlyPort(slice.ports)?.port;
  }
}

function onlyPort(ports: readonly SlicePort[]): SlicePort | undefined {
  if (ports.length === 1) return ports[0];
  const named = ports.find(({ name }) => name === 'grpc');
  if (named !== undefined) return named;
  const spoken = ports.filter(({ appProtocol }) => GRPC_PROTOCOLS.includes(appProtocol ?? ''));
  return spoken.length === 1 ? spoken[0] : undefined;
}

/** Why a slice has no port for the target, with the ports that it has. */
export function whyNoPort(slice: Slice, choice: PortChoice): string {
  const ports = slice.ports.map(({ name, port }) => `${name || 'unnamed'}=${port ?? 'any'}`).join(', ');
  const has = ports === '' ? 'its Service defines none' : `the Pods have ${ports}`;
  switch (choice.by) {
    case 'name':
      return `no port is called '${choice.name}': ${has}`;
    case 'number':
      return `no Pod has the port ${choice.port} (the Pod's own is meant, not the Service's): ${has}`;
    case 'only':
      return `the target names no port and none is called grpc: ${has}; add one, as in kubernetes:///orders.prod:grpc`;
  }
}
