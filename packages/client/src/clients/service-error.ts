import { type ServiceError, status as Status, type StatusObject } from '@grpc/grpc-js';

/**
 * What a caller gets for a call that did not end with OK: the status with podwire's own fields on an `Error`. Its stack
 * is that of the reply; grpc-js takes one at every call as well, which costs a call as much as all that podwire does.
 */
export function serviceError(status: StatusObject): ServiceError {
  const { code, details } = status;
  const name = Status[code];
  return Object.assign(new Error(`${name === undefined ? code : `${code} ${name}`}: ${details}`), status);
}
