import type { PortChoice } from '../service-ref.ts';
import type { Slice, SlicePort } from './service-object.ts';

/** The values of `appProtocol` for gRPC (https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol). */
const GRPC_PROTOCOLS = ['grpc', 'kubernetes.io/h2c', 'kubernetes.io/grpc'];
/** How many ports a message names. */
const MAX_SHOWN = 10;

/** The rule by which each slice of a Service has its port for calls. */
export type PortRule =
  | { readonly by: 'name'; readonly name: string }
  /** `isFree`: the Service defines no ports, so that any number may be right. */
  | { readonly by: 'number'; readonly port: number; readonly isFree: boolean }
  /** The target names no port, and no port of the Service is the obvious one. */
  | { readonly by: 'none' };

/**
 * What a target's port means, judged by all slices of a Service, because one slice is not enough. Pods that lack a named target
 * port are in a slice without that port, or without any (https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports):
 * the only port of such a slice need not be the Service's only port, and a slice without ports does not stand for all ports.
 */
export function ruleOf(slices: readonly Slice[], choice: PortChoice): PortRule {
  switch (choice.by) {
    case 'name':
      return choice;
    case 'number':
      return { ...choice, isFree: !slices.some(({ hasPorts }) => hasPorts) };
    case 'only': {
      const name = onlyName(slices);
      return name === undefined ? { by: 'none' } : { by: 'name', name };
    }
  }
}

/** The port of a slice's Pods, or undefined when they have none that the rule allows. Numbers may differ from slice to slice. */
export function portOf(slice: Slice, rule: PortRule): number | undefined {
  switch (rule.by) {
    case 'name':
      return slice.ports.find(({ name }) => name === rule.name)?.port;
    case 'number': {
      // A port without a number stands for all of them.
      const isOpen = rule.isFree || slice.ports.some(({ port }) => port === undefined);
      return isOpen || slice.ports.some(({ port }) => port === rule.port) ? rule.port : undefined;
    }
    case 'none':
      return undefined;
  }
}

function onlyName(slices: readonly Slice[]): string | undefined {
  const names = new Set<string>();
  const spoken = new Set<string>();
  for (const { ports } of slices) {
    for (const { name, appProtocol } of ports) {
      names.add(name);
      if (GRPC_PROTOCOLS.includes(appProtocol ?? '')) spoken.add(name);
    }
  }
  const [only] = names.size === 1 ? names : names.has('grpc') ? ['grpc'] : spoken.size === 1 ? spoken : [];
  return only;
}

/** Why slices have no port for the target, with the ports that they have. `rule` is that of all slices. */
export function whyNoPort(slices: readonly Slice[], choice: PortChoice, rule: PortRule): string {
  const has = portsOf(slices);
  if (rule.by === 'name' && slices.some(({ ports }) => ports.some(({ name }) => name === rule.name))) {
    return `the port called '${rule.name}' has no number: name one in the target`;
  }
  if (choice.by === 'name') return `no port is called '${choice.name}': ${has}`;
  if (choice.by === 'number') {
    return `no Pod has the port ${choice.port} (the Pod's own is meant, not the Service's): ${has}`;
  }
  if (rule.by === 'name') {
    return `the target names no port, and these Pods lack the one called '${rule.name}': ${has}`;
  }
  return `the target names no port and none is called grpc: ${has}; add one, as in kubernetes:///orders.prod:grpc`;
}

function portsOf(slices: readonly Slice[]): string {
  const text = ({ name, port }: SlicePort) => `${name || 'unnamed'}=${port ?? 'any'}`;
  const ports = [...new Set(slices.flatMap(({ ports }) => ports.map(text)))];
  if (ports.length > MAX_SHOWN) ports.splice(MAX_SHOWN, ports.length, `and ${ports.length - MAX_SHOWN} more`);
  if (ports.length > 0) return `the Pods have ${ports.join(', ')}`;
  return slices.some(({ hasPorts }) => hasPorts)
    ? 'the Pods have no TCP port that can be used'
    : 'their slices have no ports';
}
