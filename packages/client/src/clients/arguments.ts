import { type CallOptions, Metadata } from '@grpc/grpc-js';

/** The optional arguments before the callback, in the order that grpc-js's clients take them. */
export interface CallArguments<Callback> {
  readonly metadata: Metadata | undefined;
  readonly options: CallOptions;
  readonly callback: Callback;
}

const NO_OPTIONS: CallOptions = {};

/** `(callback)`, `(metadata, callback)`, `(options, callback)` or `(metadata, options, callback)`; throws for anything else. */
export function withCallback<Callback>(
  first: unknown,
  second: unknown,
  third: unknown,
): CallArguments<Callback> {
  if (typeof first === 'function')
    return { metadata: undefined, options: NO_OPTIONS, callback: first as Callback };
  if (typeof second === 'function') {
    const callback = second as Callback;
    if (first instanceof Metadata) return { metadata: first, options: NO_OPTIONS, callback };
    if (isOptions(first)) return { metadata: undefined, options: first, callback };
  } else if (first instanceof Metadata && isOptions(second) && typeof third === 'function') {
    return { metadata: first, options: second, callback: third as Callback };
  }
  throw new TypeError('the arguments after the message must be: [Metadata], [CallOptions], callback');
}

/** `()`, `(metadata)`, `(options)` or `(metadata, options)`; throws for anything else. */
export function withoutCallback(first: unknown, second: unknown): CallArguments<undefined> {
  if (first instanceof Metadata) {
    if (second === undefined || second === null)
      return { metadata: first, options: NO_OPTIONS, callback: undefined };
    if (isOptions(second)) return { metadata: first, options: second, callback: undefined };
  } else if (first === undefined || first === null) {
    const options = second ?? NO_OPTIONS;
    if (isOptions(options)) return { metadata: undefined, options, callback: undefined };
  } else if (isOptions(first)) return { metadata: undefined, options: first, callback: undefined };
  throw new TypeError('the arguments must be: [Metadata], [CallOptions]');
}

function isOptions(value: unknown): value is CallOptions {
  return typeof value === 'object' && value !== null;
}
