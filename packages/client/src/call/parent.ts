import { type ChannelInterface, propagate } from '@grpc/grpc-js';

/** The server call during which a call is made, as grpc-js passes it. */
export type ParentCall = NonNullable<Parameters<ChannelInterface['createCall']>[3]>;

/** The things that a call takes from its parent. https://github.com/grpc/grpc/blob/master/include/grpc/impl/propagation_bits.h */
export interface Inherited {
  /** Milliseconds since 1970; Infinity is none. */
  readonly deadlineMs: number;
  /** Takes the listener off the parent. */
  detach(): void;
}

/** Follows a parent call's deadline and cancellation, as the flags say; all of them by default. */
export function followParent(
  parent: ParentCall,
  flags: number | null | undefined,
  cancel: () => void,
): Inherited {
  const bits = flags ?? propagate.DEFAULTS;
  const follows = (bits & propagate.CANCELLATION) !== 0;
  // A parent that was cancelled earlier emits no further event.
  if (follows && parent.cancelled) cancel();
  else if (follows) parent.on('cancelled', cancel);
  return {
    deadlineMs: (bits & propagate.DEADLINE) !== 0 ? Number(parent.getDeadline()) : Number.POSITIVE_INFINITY,
    detach: () => {
      if (follows) parent.removeListener('cancelled', cancel);
    },
  };
}
