import { grpcOption, isGrpcOption } from './grpc-options.ts';

type Options = Readonly<Record<string, unknown>>;

/**
 * The options `below`, overridden by those `above`. An option that is undefined counts as not given. For an option of grpc-js in `above`,
 * the option of podwire that it stands for is removed from `below`, where it would win.
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

/** Removes the option `name`, or `group.key`. */
function remove(options: Record<string, unknown>, name: string): void {
  const [group, inGroup] = name.split('.') as [string, string?];
  if (inGroup === undefined) delete options[group];
  else if (options[group] !== undefined) {
    const rest = { ...(options[group] as Record<string, unknown>) };
    delete rest[inGroup];
    options[group] = rest;
  }
}
