import { lookup } from 'node:dns/promises';
import { settle, VirtualClock } from '@podwire/core/testing';
import { expect, test, vi } from 'vitest';
import { Followed, until } from '../testing/follow.ts';
import { dnsRegistry } from './dns-registry.ts';
import { namesTried } from './search-list.ts';

vi.mock('node:dns/promises', async (original) => ({ ...(await original<object>()), lookup: vi.fn() }));

test('a name that the system does not answer for is asked once, and holds one of the few threads', async () => {
  let answer: (found: { address: string; family: number }[]) => void = () => {};
  const answered = new Promise((resolve) => {
    answer = resolve;
  });
  const none = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
  vi.mocked(lookup as (host: string) => Promise<unknown>).mockImplementation((host) =>
    host === 'orders' ? answered : Promise.reject(none),
  );
  const clock = new VirtualClock();
  const registry = dnsRegistry({ clock });
  const first = new Followed(registry, 'orders:1');
  await clock.advance(20_000);
  await until(() => first.ended, 'the first watch to give up');
  expect((first.error as Error).message).toContain('DNS did not answer for orders within 20000 ms');
  const second = new Followed(registry, 'orders:1');
  await settle();
  expect(lookup).toHaveBeenCalledTimes(1);
  answer([{ address: '10.0.0.1', family: 4 }]);
  await until(() => second.ids.length > 0, 'the Pod');
  const asked = () => vi.mocked(lookup).mock.calls.filter(([host]) => host === 'orders');
  expect(asked()).toHaveLength(1);
  await clock.advance(7_000);
  expect(asked()).toHaveLength(2);
  await second.close();
});

test.each([
  [
    'orders',
    'search a.test b.test.\noptions timeout:1 ndots:5',
    ['orders.a.test.', 'orders.b.test.', 'orders.'],
  ],
  ['a.b.c.d.e.f', 'search a.test\noptions ndots:5', ['a.b.c.d.e.f.', 'a.b.c.d.e.f.a.test.']],
  ['orders.prod', 'domain a.test\nsearch b.test', ['orders.prod.', 'orders.prod.b.test.']],
  ['orders', '', ['orders.']],
])('the whole names that the system tries for %s with %j', (host, text, names) => {
  expect(namesTried(host, text)).toEqual(names);
});
