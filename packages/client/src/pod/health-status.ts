/**
 * What a Pod says of its health: a status of `grpc.health.v1`, where `UNKNOWN` is also a Pod that has not answered (any more), or
 * `UNIMPLEMENTED` for a Pod whose server cannot say, which counts as healthy.
 */
export type HealthStatus = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN' | 'UNIMPLEMENTED';
