import { InvalidInput } from '@podwire/registry';

/** A JSON duration of protobuf, `"1.5s"`, in milliseconds. */
export function parseDuration(value: unknown, path: string): number {
  if (typeof value === 'string' && /^\d{1,12}(\.\d{1,9})?s$/.test(value))
    return Number(value.slice(0, -1)) * 1_000;
  throw new InvalidInput(path, value, "must be a duration in seconds, such as '1.5s'");
}
