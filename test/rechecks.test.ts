import { ScriptedRegistry } from '@podwire/registry/testing';
import { expect, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { openOrdersServer } from './support/orders-server.ts';
import { until } from './support/until.ts';

test('the registry is asked again when a Pod that was ready is not, and not for each that connects', async () => {
  const servers = [await openOrdersServer(), await openOrdersServer(), await openOrdersServer()];
  const registry = new ScriptedRegistry();
  const channel = openChannel('scripted:///orders', {
    registries: [registry],
    backoff: { initialMs: 10, maxMs: 20 },
  });
  await until(() => registry.open > 0);
  // One is refused: it never was ready.
  registry.reset(...servers.map(({ address }) => address), '127.0.0.1:1');
  const states = () => Object.values(channel.snapshot().pods.map(({ state }) => state));
  await until(() => states().filter((state) => state === 'ready').length === 3);
  let failed = 0;
  channel.events.on('pod', ({ id, state }) => {
    if (id === '127.0.0.1:1' && state === 'backoff') failed += 1;
  });
  await until(() => failed >= 5);
  // One that leaves the set was in the registry's own words.
  registry.remove(servers[2]!.address);
  await until(() => channel.snapshot().pods.length === 3);
  expect(registry.rechecks).toBe(0);
  await servers[0]!.stop();
  await until(() => registry.rechecks > 0);
  const afterLoss = registry.rechecks;
  // While it stays away the registry may not know it yet: it is asked again.
  await until(() => registry.rechecks > afterLoss);
});
