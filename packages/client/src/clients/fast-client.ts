import type { Client, ServiceDefinition } from '@grpc/grpc-js';
import type { ClientClass } from './client-class.ts';
import type { ClientMethod } from './method.ts';
import { isGenerated, isRequest, type RequestName } from './original.ts';
import { REQUESTS, type Request, requestFor } from './requests.ts';

type Method = (this: Client, ...args: unknown[]) => unknown;
type Methods = Record<string, Method>;

/**
 * A subclass whose calls go straight to the channel, unless their options name interceptors. Methods that the application has replaced,
 * or replaces later, are left alone.
 */
export function fastClientClass(clientClass: ClientClass<Client>): ClientClass<Client> {
  class FastClient extends clientClass {}
  const fast = FastClient.prototype as unknown as Methods;
  const base = clientClass.prototype as unknown as Methods;
  for (const [name, request] of Object.entries(REQUESTS)) {
    if (!isRequest(base[name], name as RequestName)) continue;
    const value = fastRequest(base, name, request);
    Object.defineProperty(fast, name, { value, writable: true, configurable: true });
  }
  const { service } = clientClass as { readonly service?: ServiceDefinition };
  for (const [name, definition] of Object.entries(service ?? {})) {
    const request = requestFor(definition);
    for (const key of [name, definition.originalName]) {
      if (key === undefined || !isGenerated(base[key], definition.path)) continue;
      const { path, requestSerialize: serialize, responseDeserialize: deserialize } = definition;
      fast[key] = Object.assign(fastMethod(base, key, request, { path, serialize, deserialize }), definition);
    }
  }
  return FastClient;
}

/** The method of a generated client. */
function fastMethod(
  base: Methods,
  key: string,
  request: Request,
  method: ClientMethod<unknown, unknown>,
): Method {
  const original = base[key]!;
  return function (a, b, c, d) {
    const now = base[key]!;
    const call = now === original ? request(this, method, a, b, c, d) : undefined;
    return call ?? now.apply(this, given([a, b, c, d]));
  };
}

/** The method of `Client` for callers that pass the path and both functions themselves. */
function fastRequest(base: Methods, name: string, request: Request): Method {
  const original = base[name]!;
  return function (path, serialize, deserialize, a, b, c, d) {
    const now = base[name]!;
    const method = { path, serialize, deserialize } as ClientMethod<unknown, unknown>;
    const call = now === original ? request(this, method, a, b, c, d) : undefined;
    return call ?? now.apply(this, given([path, serialize, deserialize, a, b, c, d]));
  };
}

/** Arguments without those at the end that were not given: a wrapper may look for the callback there. */
function given(args: unknown[]): unknown[] {
  return args.slice(0, args.findLastIndex((arg) => arg !== undefined) + 1);
}
