import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('no more than the limit run at once, in the order they came, each when another is done', async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  for (let i = 0; i < 5; i++) {
    turns.take((done) => {
      begun.push(i);
      ends.push(done);
    });
  }
  expect(begun).toEqual([]);
  await turn();
  expect(begun).toEqual([0, 1]);
  ends[1]!();
  // Counts once.
  ends[1]!();
  await turn();
  expect(begun).toEqual([0, 1, 2]);
  ends[0]!();
  ends[2]!();
  await turn();
  expect(begun).toEqual([0, 1, 2, 3, 4]);
});

test('100 000 that end at once all run', async () => {
  const turns = new Turns(1);
  let ran = 0;
  for (let i = 0; i < 100_000; i++) {
    turns.take((done) => {
      ran += 1;
      done();
    });
  }
  await turn();
  expect(ran).toBe(100_000);
});
