/** `grpc.health.v1`'s messages: https://github.com/grpc/grpc/blob/master/doc/health-checking.md */

/** `HealthCheckResponse.ServingStatus`; only `Watch` answers with the last one. */
export type HealthStatus = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

const NUMBERS: Readonly<Record<HealthStatus, number>> = { SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 };
const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** `HealthCheckRequest`. It is an object, because grpc-js's server mistakes an empty string for no message. */
export interface HealthRequest {
  /** `''` is the whole server. */
  readonly service: string;
}

/** Throws for bytes that are not a message. */
export function decodeRequest(bytes: Buffer): HealthRequest {
  let service = '';
  for (let at = 0; at < bytes.length; ) {
    const tag = varint(bytes, at);
    const type = tag.value & 7;
    at = tag.end;
    if (type === VARINT) at = varint(bytes, at).end;
    else if (type === FIXED64) at += 8;
    else if (type === FIXED32) at += 4;
    else if (type === LENGTH) {
      const length = varint(bytes, at);
      at = length.end + length.value;
      if (tag.value >>> 3 === 1) service = bytes.toString('utf8', length.end, at);
    } else throw new Error(`wire type ${type} is unknown`);
    if (at > bytes.length) throw new Error('the message ends within a field');
  }
  return { service };
}

/** A `HealthCheckResponse`. */
export function encodeStatus(status: HealthStatus): Buffer {
  return Buffer.from([(1 << 3) | VARINT, NUMBERS[status]]);
}

/** A `HealthListResponse`: a map of services, each entry a message of key and value. */
export function encodeStatuses(statuses: ReadonlyMap<string, HealthStatus>): Buffer {
  const entries = [...statuses].map(([service, status]) =>
    field(1, Buffer.concat([field(1, Buffer.from(service)), field(2, encodeStatus(status))])),
  );
  return Buffer.concat(entries);
}

function field(number: number, bytes: Buffer): Buffer {
  const head = [(number << 3) | LENGTH];
  let length = bytes.length;
  for (; length > 0x7f; length >>>= 7) head.push((length & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([...head, length]), bytes]);
}

function varint(bytes: Buffer, at: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let i = 0; i < 10 && at + i < bytes.length; i++) {
    const byte = bytes[at + i]!;
    // Tags and lengths have five bytes at most. A longer number belongs to a field that is skipped, so its value does not matter.
    if (i < 5) value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: at + i + 1 };
  }
  throw new Error('the message ends within a number');
}
