import { settle } from '@podwire/core/testing';
import { expect, it } from 'vitest';
import type { Endpoint, EndpointInput } from '../endpoint.ts';
import type { RegistryUpdate } from '../registry.ts';
import { endpointOf, ScriptedRegistry } from '../testing/scripted-registry.ts';
import { Watched } from '../testing/watched.ts';

const PODS = 10_000;
const CHANGED = 100;

function pod(i: number): EndpointInput {
  const attributes = { version: '1.4.2', node: `node-${i % 300}` };
  return { address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:50051`, zone: `z${i % 3}`, attributes };
}

/** Ten times 1 % of the Pods replaced; each update is made of new objects, as a registry that parses makes them. */
const RESETS: readonly RegistryUpdate[] = Array.from({ length: 11 }, (_, round) => ({
  type: 'reset',
  endpoints: Array.from({ length: PODS }, (_, i) => endpointOf(pod(i + round * CHANGED))),
}));

function changes(): RegistryUpdate[][] {
  return Array.from({ length: 10 }, (_, round) => [
    {
      type: 'upsert',
      endpoints: Array.from({ length: CHANGED }, (_, i) => endpointOf(pod(PODS + round * CHANGED + i))),
    },
    {
      type: 'remove',
      ids: Array.from({ length: CHANGED }, (_, i) => endpointOf(pod(round * CHANGED + i)).id),
    },
  ]);
}

async function apply(rounds: readonly (readonly RegistryUpdate[])[]) {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry);
  await settle();
  registry.say(RESETS[0]);
  await watched.settle();
  const before = watched.watch.set!.endpoints;
  const start = process.cpuUsage();
  for (const round of rounds) {
    for (const update of round) registry.say(update);
    await watched.settle();
  }
  const { user, system } = process.cpuUsage(start);
  const after = watched.watch.set!.endpoints;
  watched.watch.close();
  return { cpuMs: (user + system) / 1_000, before, after };
}

/** Endpoints that were there before; each that says the same must be the same object. */
function kept(before: readonly Endpoint[], after: readonly Endpoint[]): number {
  const known = new Map(before.map((endpoint) => [endpoint.id, endpoint]));
  const staying = after.filter(({ id }) => known.has(id));
  for (const endpoint of staying) expect(known.get(endpoint.id) === endpoint).toBe(true);
  return staying.length;
}

it.each([
  {
    how: 'told whole',
    rounds: () => RESETS.slice(1).map((update) => [update]),
  },
  { how: 'told as changes', rounds: changes },
])(
  '10 000 endpoints of which a hundredth changes ten times, $how, cost 300 ms of CPU at most',
  async (each) => {
    const rounds = each.rounds();
    // The best of three: a collection of garbage or a busy neighbour is not what is measured.
    const runs = [await apply(rounds), await apply(rounds), await apply(rounds)];
    for (const { before, after } of runs) {
      expect(after).toHaveLength(PODS);
      expect(kept(before, after)).toBe(PODS - 10 * CHANGED);
    }
    expect(Math.min(...runs.map(({ cpuMs }) => cpuMs))).toBeLessThan(300);
  },
);
