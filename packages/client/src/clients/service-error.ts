import { type ServiceError, status as Status, type StatusObject } from '@grpc/grpc-js';

/**
 * What a caller gets for a call that did not end with OK: the status with podwire's own fields on an `Error`. Its stack
 * is that of the reply; grpc-js takes one at every call as well, which costs a call as much as all that podwire does.
 */
export function serviceError(status: StatusObject): ServiceError {
  return Object.assign(new Error(`${status.code} ${Status[status.code]}: ${status.details}`), status);
}
