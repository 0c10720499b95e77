import { InvalidInput } from './invalid-input.ts';

/** A duration of protobuf in milliseconds: `"1.5s"`, or `{ seconds, nanos }`, which grpc-js accepts, too. */
export function parseDuration(value: unknown, path: string): number {
  if (typeof value === 'string' && /^\d{1,12}(\.\d{1,9})?s$/.test(value))
    return Number(value.slice(0, -1)) * 1_000;
  const { seconds, nanos = 0 } = Object(value);
  if (isCount(seconds, 1e12) && isCount(nanos, 1e9)) return seconds * 1_000 + nanos / 1e6;
  throw new InvalidInput(path, value, "must be a duration in seconds, such as '1.5s'");
}

function isCount(value: unknown, limit: number): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < limit;
}
