import { InvalidInput } from '@podwire/core';
import { MODES, type Mode } from '../options/mode.ts';

/** The variable that sets the mode of one service: `PODWIRE_MODE_ORDERS_API` for `orders-api`. */
export function modeVariable(service: string): string {
  return `PODWIRE_MODE_${service.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

/** The mode that the environment sets for a service, and the variable; the service's own variable comes first. Throws {@link InvalidInput}. */
export function modeFromEnvironment(
  service: string,
  variables: Readonly<Record<string, string | undefined>>,
): { readonly mode: Mode; readonly variable: string } | undefined {
  for (const name of [modeVariable(service), 'PODWIRE_MODE']) {
    const value = variables[name];
    if (value === undefined || value === '') continue;
    if (!MODES.includes(value as Mode))
      throw new InvalidInput(name, value, `must be one of: ${MODES.join(', ')}`);
    return { mode: value as Mode, variable: name };
  }
  return undefined;
}
