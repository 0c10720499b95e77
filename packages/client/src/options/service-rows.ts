import { createPolicy } from '@podwire/balancer';
import { InvalidInput } from '@podwire/core';
import { parseAddress, type Registry } from '@podwire/registry';
import { headerAttributes } from '../headers/endpoint-headers.ts';
import { parseHealth } from './health.ts';
import { MODES } from './mode.ts';
import type { Rows } from './option-kinds.ts';
import { parseZone } from './own-zone.ts';

/** Options about a service's Pods: how to find them, how to choose among them, and which of them a client connects to. */
export const SERVICE_ROWS = {
  name: { kind: 'text' },
  policy: {
    kind: 'special',
    parse: (value, path) => (value === undefined ? undefined : createPolicy(value, path)),
    live: true,
  },
  mode: { kind: 'word', words: MODES, live: true },
  mesh: { kind: 'group', optional: true },
  'mesh.address': { kind: 'special', parse: parseMeshAddress, required: true },
  'mesh.headers': { kind: 'special', parse: headerAttributes },
  zone: { kind: 'special', parse: parseZone },
  subset: { kind: 'group', optional: true },
  'subset.size': { kind: 'integer', min: 1 },
  'subset.client': { kind: 'special', parse: parseClient, required: true },
  health: { kind: 'special', parse: parseHealth, live: true },
  snapshotDir: { kind: 'text' },
  holdMs: { kind: 'integer', min: 0, default: 60_000 },
  registries: { kind: 'special', parse: parseRegistries, isCode: true },
} as const satisfies Rows;

function parseMeshAddress(value: unknown, path: string): string {
  if (typeof value !== 'string')
    throw new InvalidInput(path, value, "must be the service's own address, such as 'orders.prod.svc:80'");
  parseAddress(value, path);
  return value;
}

/** Checks `subset.client`, which tells this client from the service's other clients. */
function parseClient(value: unknown, path: string): number | string {
  if (typeof value === 'string' ? value !== '' : Number.isInteger(value) && Number(value) >= 0)
    return value as number | string;
  throw new InvalidInput(path, value, "must be this client's ordinal (0, 1, …) or a text of its own");
}

function parseRegistries(value: unknown, path: string): readonly Registry[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new InvalidInput(path, value, 'must be an array of registries');
  for (const [i, registry] of value.entries()) {
    const made = typeof registry?.scheme === 'string' && typeof registry.watch === 'function';
    if (!made)
      throw new InvalidInput(`${path}[${i}]`, registry, 'must be a registry, such as nacos({ … }) returns');
  }
  return value as readonly Registry[];
}
