import type { CallOptions, Client, ClientOptions } from '@grpc/grpc-js';

/** The methods by which grpc-js's clients make all calls, each with a method that it calls and that no wrapper would call. */
const REQUESTS = {
  makeUnaryRequest: 'checkOptionalUnaryResponseArguments',
  makeClientStreamRequest: 'checkOptionalUnaryResponseArguments',
  makeServerStreamRequest: 'checkMetadataAndOptions',
  makeBidiStreamRequest: 'checkMetadataAndOptions',
} as const satisfies Partial<Record<keyof Client, string>>;

export type RequestName = keyof typeof REQUESTS;

/** A generated method: `fn.call(this, path, serialize, deserialize, ...args)`, in grpc-js or made shorter by a bundler. */
const GENERATED =
  /^function\s*\(\.\.\.([\w$]+)\)\s*\{\s*return [\w$]+\.call\(this,\s*[\w$]+,\s*[\w$]+,\s*[\w$]+,\s*\.\.\.\1\);?\s*\}$/;

/**
 * Whether this is the method of grpc-js's `Client`, and not one that a tracer or the application put in its place. Only its text
 * tells: a wrapper may copy names and properties, and not every library marks its wrappers.
 */
export function isRequest(method: unknown, name: RequestName): boolean {
  if (typeof method !== 'function') return false;
  const text = Function.prototype.toString.call(method);
  return text.startsWith(`${name}(`) && text.includes(REQUESTS[name]);
}

/** Whether this is the method of a generated client as grpc-js made it, for the RPC with this path. */
export function isGenerated(method: unknown, path: string): boolean {
  if (typeof method !== 'function' || (method as { path?: unknown }).path !== path) return false;
  return GENERATED.test(Function.prototype.toString.call(method));
}

/** Whether the options name interceptors. Then calls go through grpc-js's own client. */
export function wantsInterceptors(options: ClientOptions | CallOptions): boolean {
  return (options.interceptors?.length ?? 0) > 0 || (options.interceptor_providers?.length ?? 0) > 0;
}
