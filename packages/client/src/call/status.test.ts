import { status as Status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { formatGrpcTimeout } from '../headers/grpc-timeout.ts';
import { toMetadata } from '../headers/received-metadata.ts';
import { fromEnd } from './status.ts';

const trailers = (headers: string[], httpStatus = 200) =>
  fromEnd({ kind: 'trailers', headers, httpStatus, trailersOnly: true });

describe('the status of a call', () => {
  test.each([
    [['grpc-status', '5', 'grpc-message', 'not%20here'], 200, Status.NOT_FOUND, 'not here'],
    [['grpc-status', '5', 'grpc-message', 'not 100%'], 200, Status.NOT_FOUND, 'not 100%'],
    [['grpc-status', '99'], 200, 99, ''],
    [['grpc-status', '0x1'], 200, Status.UNKNOWN, '(grpc-status "0x1")'],
    [[], 200, Status.UNKNOWN, 'the server closed the stream without a grpc-status'],
    [[], 503, Status.UNAVAILABLE, 'HTTP status 503 instead of a gRPC reply'],
    [[], 404, Status.UNIMPLEMENTED, 'HTTP status 404 instead of a gRPC reply'],
    [[], 401, Status.UNAUTHENTICATED, 'HTTP status 401 instead of a gRPC reply'],
    [[], 418, Status.UNKNOWN, 'HTTP status 418 instead of a gRPC reply'],
    [['grpc-status', '16'], 403, Status.UNAUTHENTICATED, ''],
  ] as const)('of trailers %j with HTTP %i', (headers, httpStatus, code, details) => {
    expect(trailers([...headers], httpStatus)).toMatchObject({ code, details });
  });

  test.each([
    [2, Status.INTERNAL],
    [7, Status.UNAVAILABLE],
    [8, Status.CANCELLED],
    [11, Status.RESOURCE_EXHAUSTED],
    [12, Status.PERMISSION_DENIED],
    [4711, Status.INTERNAL],
  ])('of RST_STREAM with code %i', (errorCode, code) => {
    expect(fromEnd({ kind: 'reset', errorCode })).toMatchObject({ code, reason: 'RESET' });
  });
});

test.each([
  [1, '1m'],
  [0, '1m'],
  [-5, '1m'],
  [1_500.2, '1501m'],
  [99_999_999, '99999999m'],
  [100_000_000, '100000S'],
  [1e13, '2777778H'],
])('a timeout of %f ms is sent as %s', (ms, text) => {
  expect(formatGrpcTimeout(ms)).toBe(text);
});

test('received metadata: binary values joined by commas, with and without padding', () => {
  const metadata = toMetadata(['x-bin', 'AQ==,Ag', ':status', '200', 'grpc-status', '0', 'x', 'a', 'x', 'b']);
  expect(metadata.get('x-bin')).toEqual([Buffer.from([1]), Buffer.from([2])]);
  expect(metadata.getMap()).toEqual({ 'x-bin': Buffer.from([1]), x: 'a' });
});
