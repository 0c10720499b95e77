import { grpcOption, isGrpcOption } from './grpc-options.ts';

type Options = Readonly<Record<string, unknown>>;

/**
 * The options `above` in front of those `below`. One that is undefined is not given. One in grpc-js's words is taken out of
 * `below` by its name of podwire's, which would stand above it.
 */
export function overlay(below: Options, above: Options): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    if (value === undefined) continue;
    const option = isGrpcOption(key) ? grpcOption(key) : undefined;
    if (option !== undefined) remove(merged, option.name);
    merged[key] = value;
  }
  return merged;
}

/** Of `name`, or `group.key`. */
function remove(options: Record<string, unknown>, name: string): void {
  const [group, inGroup] = name.split('.') as [string, string?];
  if (inGroup === undefined) delete options[group];
  else if (options[group] !== undefined) {
    const rest = { ...(options[group] as Record<string, unknown>) };
    delete rest[inGroup];
    options[group] = rest;
  }
}
