import type { HealthStatus } from '../pod/health-status.ts';
import { bytesField, readFields } from './protobuf.ts';

/** `HealthCheckResponse.ServingStatus`: https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto */
const STATUSES: readonly HealthStatus[] = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** `/package.Service/Method` of the watch. */
export const HEALTH_PATH = '/grpc.health.v1.Health/Watch';

/** A `HealthCheckRequest`; `''` is the whole server. */
export function encodeRequest(service: string): Buffer {
  return service === '' ? Buffer.alloc(0) : bytesField(1, service);
}

/** The status of a `HealthCheckResponse`. Throws for bytes that are no message. */
export function decodeStatus(message: Buffer): HealthStatus {
  let status: HealthStatus = 'UNKNOWN';
  readFields(message, (number, value) => {
    if (number === 1 && typeof value === 'number') status = STATUSES[value] ?? 'UNKNOWN';
  });
  return status;
}
