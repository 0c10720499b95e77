// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: TimeoutValue is at most 8 digits.
const MAX_VALUE = 99_999_999;
const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['m', 1],
  ['S', 1_000],
  ['M', 60_000],
  ['H', 3_600_000],
];

/** A `grpc-timeout` header's value for a time left in milliseconds, rounded up; at least `1m`. */
export function formatGrpcTimeout(leftMs: number): string {
  for (const [unit, ms] of UNITS) {
    const value = Math.ceil(leftMs / ms);
    if (value <= MAX_VALUE) return `${Math.max(value, 1)}${unit}`;
  }
  return `${MAX_VALUE}H`;
}
