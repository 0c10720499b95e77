import { VirtualClock } from '@podwire/registry/testing';
import { expect, test } from 'vitest';
import type { Configs } from '../config/configs.ts';
import { readOptions } from '../options.ts';
import { ApplicationMetadata } from './application-metadata.ts';

const REVISION = '0123456789abcdef0123456789abcdef';
const instance = new Map<string, unknown>([
  ['dubbo.metadata.revision', REVISION],
  ['dubbo.metadata.storage-type', 'remote'],
]);
const INFO = JSON.stringify({
  app: 'shop',
  revision: REVISION,
  services: {
    'shop.Orders:1.0.0:tri': { name: 'shop.Orders', version: '1.0.0', protocol: 'tri', path: 'shop.Orders' },
  },
});

/** A session that answers for configs with what `read` does. */
function open(settings: ReturnType<typeof readOptions>, read: () => Promise<string>) {
  let changes = 0;
  const metadata = new ApplicationMetadata(settings, { read } as unknown as Configs, () => {
    changes += 1;
  });
  const of = () => {
    metadata.begin();
    const services = metadata.of('shop', '10.0.0.1', (key) => instance.get(key));
    metadata.end();
    return services?.map(({ name }) => name);
  };
  return { of, metadata, changed: () => changes };
}

test('a Pod whose metadata cannot be read on a new session has what it had on the last', async () => {
  const settings = readOptions({ servers: ['nacos'], clock: new VirtualClock() });
  const first = open(settings, async () => INFO);
  expect(first.of()).toBeUndefined();
  await expect.poll(first.changed).toBe(1);
  expect(first.of()).toEqual(['shop.Orders']);
  first.metadata.close();
  const second = open(settings, async () => {
    throw new Error('Nacos fails');
  });
  // While it is asked, and after it failed.
  expect(second.of()).toEqual(['shop.Orders']);
  await expect.poll(second.changed).toBe(1);
  expect(second.of()).toEqual(['shop.Orders']);
  second.metadata.close();
});

test('one of which nothing was ever read is not used, and says why', async () => {
  const settings = readOptions({ servers: ['nacos'], clock: new VirtualClock() });
  const only = open(settings, async () => {
    throw new Error('Nacos fails');
  });
  expect(only.of()).toBeUndefined();
  await expect.poll(only.changed).toBe(1);
  expect(() => only.of()).toThrow('Nacos fails');
  only.metadata.close();
});
