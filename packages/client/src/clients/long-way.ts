import type { CallOptions, Client, ClientOptions } from '@grpc/grpc-js';

const REQUESTS = [
  'makeUnaryRequest',
  'makeClientStreamRequest',
  'makeServerStreamRequest',
  'makeBidiStreamRequest',
] as const;

/** Whether interceptors want to see the calls: then they go through grpc-js's own client. */
export function wantsInterceptors(options: ClientOptions | CallOptions): boolean {
  return (options.interceptors?.length ?? 0) > 0 || (options.interceptor_providers?.length ?? 0) > 0;
}

/** Whether a tracer wrapped this function, as shimmer marks it (OpenTelemetry's instrumentations use it). */
export function isWrapped(method: unknown): boolean {
  return typeof method === 'function' && '__original' in method;
}

/** Whether a tracer wants to see all calls of grpc-js's clients. */
export function isTraced(prototype: Client): boolean {
  return REQUESTS.some((name) => isWrapped(prototype[name]));
}
