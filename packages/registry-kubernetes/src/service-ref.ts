import { InvalidInput } from '@podwire/core';

/** Which of a Pod's ports takes the calls. */
export type PortChoice =
  | { readonly by: 'only' }
  | { readonly by: 'name'; readonly name: string }
  | { readonly by: 'number'; readonly port: number };

/** What `kubernetes:///orders.prod:grpc` names. */
export interface ServiceRef {
  readonly name: string;
  /** Undefined: the Pod's own. */
  readonly namespace: string | undefined;
  readonly port: PortChoice;
}

const FORM =
  'must be service, service.namespace, or service.namespace:port, as in kubernetes:///orders.prod:grpc';
/** RFC 1123 labels, as Kubernetes wants them for Services, namespaces and port names. */
export const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Reads `orders`, `orders.prod`, `orders.prod:grpc`, `orders.prod:50051`; the cluster's own DNS names
 * (`orders.prod.svc`, `orders.prod.svc.cluster.local`) mean the same. Throws {@link InvalidInput}.
 */
export function parseServiceRef(text: string): ServiceRef {
  if (typeof text !== 'string' || text === '') {
    throw new InvalidInput(
      'target',
      text,
      `names no service; write three slashes: kubernetes:///orders.prod:grpc`,
    );
  }
  if (text.includes('?')) throw new InvalidInput('target', text, 'takes no options after ?');
  const colon = text.indexOf(':');
  const host = colon < 0 ? text : text.slice(0, colon);
  const [name, namespace, svc, ...domain] = host.replace(/\.$/, '').split('.');
  if (svc !== undefined && svc !== 'svc') {
    throw new InvalidInput('target', text, `${FORM}; '.${svc}' is neither`);
  }
  const labels = [name, namespace, ...domain].filter((label) => label !== undefined);
  for (const label of labels) {
    if (LABEL.test(label)) continue;
    throw new InvalidInput('target', text, `${FORM}; '${label.slice(0, 63)}' is no Kubernetes name`);
  }
  return {
    name: name!,
    namespace,
    port: colon < 0 ? { by: 'only' } : parsePort(text, text.slice(colon + 1)),
  };
}

function parsePort(text: string, port: string): PortChoice {
  if (/^\d+$/.test(port)) {
    const number = Number(port);
    if (number >= 1 && number <= 65535) return { by: 'number', port: number };
    throw new InvalidInput('target', text, 'has a port that is not between 1 and 65535');
  }
  if (!LABEL.test(port))
    throw new InvalidInput('target', text, `${FORM}; the port must be a name or a number`);
  return { by: 'name', name: port };
}
