import { settle } from '@podwire/registry/testing';
import { expect, it } from 'vitest';
import { RequestLimit } from './request-limit.ts';

it('lets one in for each that ends, in the order in which they came', async () => {
  const limit = new RequestLimit(1);
  const { signal } = new AbortController();
  const running: { name: string; end: () => void }[] = [];
  const run = (name: string) =>
    limit.run(signal, () => new Promise<void>((end) => running.push({ name, end })));
  const all = [run('first'), run('second'), run('third')];
  for (let i = 1; i <= all.length; i++) {
    await settle();
    expect(running).toHaveLength(i);
    running[i - 1]!.end();
  }
  await Promise.all(all);
  expect(running.map(({ name }) => name)).toEqual(['first', 'second', 'third']);
});
