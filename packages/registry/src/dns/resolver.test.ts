import { lookup } from 'node:dns/promises';
import { expect, test, vi } from 'vitest';
import { Followed, until } from '../testing/follow.ts';
import { settle, VirtualClock } from '../testing/virtual-clock.ts';
import { dnsRegistry } from './dns-registry.ts';

vi.mock('node:dns/promises', async (original) => ({ ...(await original<object>()), lookup: vi.fn() }));

test('a name that the system does not answer for is asked once, and holds one of the few threads', async () => {
  let answer: (found: { address: string; family: number }[]) => void = () => {};
  const answered = new Promise((resolve) => {
    answer = resolve;
  });
  vi.mocked(lookup as (host: string) => Promise<unknown>).mockReturnValue(answered);
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
  await clock.advance(7_000);
  expect(lookup).toHaveBeenCalledTimes(2);
  await second.close();
});
