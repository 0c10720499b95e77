import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '@podwire/core/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileWatch } from './file-watch.ts';

let directory: string;
let path: string;
let clock: VirtualClock;
let told: string[];
let watch: FileWatch;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podwire-'));
  path = join(directory, 'config.yaml');
  clock = new VirtualClock();
  told = [];
  writeFileSync(path, 'one');
  watch = new FileWatch(path, 'one', clock, {
    onText: (text) => told.push(text),
    onError: ({ message }) => told.push(`error: ${message}`),
  });
});
afterEach(() => {
  watch.close();
  rmSync(directory, { recursive: true });
});

const write = (text: string) => {
  writeFileSync(path, text);
};

test('a text is told once, within a second of its change', async () => {
  await clock.advance(5_000);
  expect(told).toEqual([]);
  write('two');
  await clock.advance(999);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual(['two']);
  write('two');
  await clock.advance(5_000);
  expect(told).toEqual(['two']);
});

test('a change before the first look is told: the owner names the text that it read', async () => {
  const other: string[] = [];
  const late = new FileWatch(path, 'what its owner read', clock, {
    onText: (text) => other.push(text),
    onError: () => {},
  });
  await clock.advance(1_000);
  late.close();
  expect(other).toEqual(['one']);
});

test('a file that another one replaces is followed', async () => {
  const next = join(directory, 'next');
  writeFileSync(next, 'two');
  renameSync(next, path);
  await clock.advance(1_000);
  expect(told).toEqual(['two']);
});

test('a file that cannot be read is told once, and its text again once it can', async () => {
  rmSync(path);
  await clock.advance(3_000);
  expect(told).toEqual([expect.stringContaining('error: ENOENT')]);
  write('one');
  await clock.advance(3_000);
  expect(told.slice(1)).toEqual(['one']);
});

test('a closed watch leaves no timer, and tells nothing', async () => {
  watch.close();
  write('two');
  await clock.advance(5_000);
  expect([told, clock.pending]).toEqual([[], 0]);
});

test('a watch that its listener closes stays closed', async () => {
  const texts: string[] = [];
  const once = new FileWatch(path, '', clock, {
    onText: (text) => {
      texts.push(text);
      once.close();
    },
    onError: () => {},
  });
  await clock.advance(1_000);
  write('two');
  await clock.advance(5_000);
  expect(texts).toEqual(['one']);
});
