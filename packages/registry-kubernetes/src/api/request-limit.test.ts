import { settle } from '@podwire/registry/testing';
import { expect, it } from 'vitest';
import { RequestLimit } from './request-limit.ts';

it('lets one in for each that ends: watches before lists, and each kind in the order in which it came', async () => {
  const limit = new RequestLimit(1);
  const { signal } = new AbortController();
  const running: { name: string; end: () => void }[] = [];
  const run = (kind: 'watch' | 'list', name: string) =>
    limit.run(kind, signal, () => new Promise<void>((end) => running.push({ name, end })));
  const all = [
    run('list', 'first list'),
    run('list', 'second list'),
    run('list', 'third list'),
    run('watch', 'first watch'),
    run('watch', 'second watch'),
  ];
  for (let i = 1; i <= all.length; i++) {
    await settle();
    expect(running).toHaveLength(i);
    running[i - 1]!.end();
  }
  await Promise.all(all);
  expect(running.map(({ name }) => name)).toEqual([
    'first list',
    'first watch',
    'second watch',
    'second list',
    'third list',
  ]);
});
