import type { GrpcCall } from '../call/listener-context.ts';
import { cancelCall } from './open-call.ts';

// biome-ignore lint/suspicious/noExplicitAny: TypeScript takes no other constructor for a mixin's base class.
type Base = abstract new (...args: any[]) => object;

/**
 * A base class with the methods that grpc-js gives every kind of call. It has no constructor of its own, so that V8 skips it and a call
 * costs no more than without it.
 */
export function withCallSurface<B extends Base>(base: B) {
  abstract class CallSurface extends base {
    /** Undefined until it is started. */
    abstract call: GrpcCall | undefined;

    cancel(): void {
      cancelCall(this.call);
    }

    getPeer(): string {
      return this.call?.getPeer() ?? 'unknown';
    }

    getAuthContext(): ReturnType<GrpcCall['getAuthContext']> {
      return this.call?.getAuthContext() ?? null;
    }
  }
  return CallSurface;
}
