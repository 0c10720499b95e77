import { type ServiceError, status as Status, type StatusObject } from '@grpc/grpc-js';

/**
 * The error for a call that did not end with OK: an `Error` with the status and podwire's own fields. Its stack is that of the
 * reply. grpc-js also takes a stack at every call, which costs as much as all of podwire's work for the call.
 */
export function serviceError(status: StatusObject): ServiceError {
  const { code, details } = status;
  const name = Status[code];
  return Object.assign(new Error(`${name === undefined ? code : `${code} ${name}`}: ${details}`), status);
}
