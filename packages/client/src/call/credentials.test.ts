import { status as Status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { credentialsFailure } from './credentials.ts';

test.each([
  [undefined, Status.UNAUTHENTICATED, 'call credentials failed: no'],
  [Status.UNAVAILABLE, Status.UNAVAILABLE, 'call credentials failed: no'],
  // Of the service that gives tokens: the call itself neither went well nor found nothing.
  [Status.OK, Status.INTERNAL, 'call credentials failed with 0 OK: no'],
  [Status.NOT_FOUND, Status.INTERNAL, 'call credentials failed with 5 NOT_FOUND: no'],
  [99, Status.UNAUTHENTICATED, 'call credentials failed: no'],
])('credentials that fail with the code %s end the call with %s', (given, code, text) => {
  expect(credentialsFailure(Object.assign(new Error('no'), { code: given }))).toEqual({ code, text });
});
