import { checkKeys, InvalidInput } from '@podwire/core';

/** The option `health`: the name of the service that Pods are asked about, `false` for none, undefined where it is not given. */
export function parseHealth(value: unknown, path: string): string | false | undefined {
  if (value === undefined || value === false) return value;
  const { serviceName = '' } = checkKeys(value, ['serviceName'], path);
  if (typeof serviceName === 'string') return serviceName;
  throw new InvalidInput(
    `${path}.serviceName`,
    serviceName,
    "must be a service's name, such as 'shop.Orders'",
  );
}
