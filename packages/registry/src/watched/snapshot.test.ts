import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settle, VirtualClock } from '@podwire/core/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sweep } from '../sweep.ts';
import { until } from '../testing/follow.ts';
import { ScriptedRegistry } from '../testing/scripted-registry.ts';
import { Watched } from '../testing/watched.ts';
import { DRAFT } from './snapshot-file.ts';

const [A, B, C] = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'] as const;
const HOUR_MS = 3_600_000;
let directory: string;
let snapshotDir: string;
let clock: VirtualClock;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'podwire-snapshot-'));
  snapshotDir = join(directory, 'made', 'here');
  clock = new VirtualClock();
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function onlyFile(): Promise<string> {
  const [name, ...others] = (await readdir(snapshotDir)).filter((file) => file.endsWith('.json'));
  expect(others).toEqual([]);
  return join(snapshotDir, name!);
}

async function stored(): Promise<{ savedMs: number; endpoints: { id: string }[] }> {
  return JSON.parse(await readFile(await onlyFile(), 'utf8'));
}

async function storedIds(): Promise<string> {
  return (await stored().catch(() => undefined))?.endpoints.map(({ id }) => id).join() ?? '';
}

/** Watches a working registry until the snapshot is written. */
async function writeOne(...ids: string[]): Promise<void> {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry, { clock, snapshotDir });
  await settle();
  registry.reset({ address: ids[0]!, weight: 3, zone: 'a', attributes: { v: '1' } }, ...ids.slice(1));
  await watched.settle();
  watched.watch.close();
  let found = '';
  await until(
    () => found === ids.join(),
    'the snapshot',
    async () => {
      await settle();
      found = await storedIds();
    },
  );
}

function downRegistry(): ScriptedRegistry {
  const registry = new ScriptedRegistry();
  registry.throwNow = new Error('down');
  return registry;
}

it('starts from the last good set while the registry is down, and says how old it is', async () => {
  await writeOne(A, B);
  const writtenMs = (await stored()).savedMs;
  await clock.advance(HOUR_MS);
  const registry = downRegistry();
  const watched = new Watched(registry, { clock, snapshotDir });
  expect(watched.ids).toEqual([A, B]);
  expect(watched.watch.set).toMatchObject({ source: 'snapshot', version: 1 });
  expect(watched.watch.set?.endpoints[0]).toMatchObject({ weight: 3, zone: 'a', attributes: { v: '1' } });
  expect(watched.watch.status).toMatchObject({ source: 'snapshot', lastUpdateMs: writtenMs });
  await settle();
  registry.throwNow = undefined;
  registry.first = { type: 'reset', endpoints: [] };
  await clock.advance(1_000);
  registry.reset(B, C);
  await watched.settle();
  expect(watched.ids).toEqual([B, C]);
  expect(watched.watch.set?.source).toBe('registry');
  watched.watch.close();
});

it('is readable by its owner only', async () => {
  await writeOne(A);
  expect((await stat(await onlyFile())).mode & 0o777).toBe(0o600);
  expect((await stat(snapshotDir)).mode & 0o777).toBe(0o700);
});

it('does not use a snapshot that is too old, of another service, or broken', async () => {
  await writeOne(A);
  const none = (options = {}) => {
    const watched = new Watched(downRegistry(), { clock, snapshotDir, ...options });
    expect(watched.ids).toBeUndefined();
    watched.watch.close();
  };
  none({ snapshotKey: 'other' });
  const file = await onlyFile();
  const good = await readFile(file, 'utf8');
  for (const broken of [
    '',
    '{',
    'null',
    '[]',
    good.slice(0, -5),
    good.replace('scripted://orders', 'scripted://users'),
    good.replace(/"savedMs":\d+/, '"savedMs":"today"'),
    `${good}${' '.repeat(17 * 1024 * 1024)}`,
  ]) {
    await writeFile(file, broken);
    none();
  }
  await writeFile(file, good);
  await clock.advance(25 * HOUR_MS);
  none();
});

it('keeps the good entries of a snapshot with a bad one', async () => {
  await writeOne(A, B);
  const file = await onlyFile();
  await writeFile(file, (await readFile(file, 'utf8')).replace('"port":1,', '"port":"1",'));
  const watched = new Watched(downRegistry(), { clock, snapshotDir });
  expect(watched.ids).toEqual([B]);
  watched.watch.close();
});

it('writes a set that changes often once a second, and one that never changes once an hour', async () => {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry, { clock, snapshotDir });
  await settle();
  registry.reset(A);
  await watched.settle();
  const ids = async (wanted: string, what: string) => {
    let found = '';
    const look = async () => {
      await settle();
      found = await storedIds();
    };
    await until(() => found === wanted, what, look);
  };
  await ids(A, 'the first set');
  registry.reset(A, B);
  await watched.settle();
  expect(await storedIds()).toBe(A);
  await clock.advance(1_000);
  await ids(`${A},${B}`, 'the second set');
  const { savedMs } = await stored();
  let refreshedMs = savedMs;
  await until(
    () => refreshedMs > savedMs,
    'the refreshed age',
    async () => {
      await clock.advance(HOUR_MS);
      refreshedMs = (await stored()).savedMs;
    },
  );
  watched.watch.close();
  expect(clock.pending).toBe(0);
});

it('does not make the last Pods of a service that has none any more look younger than they are', async () => {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry, { clock, snapshotDir });
  await settle();
  registry.reset(A);
  await watched.settle();
  await until(() => watched.ids?.[0] === A, 'the Pod');
  let found = '';
  await until(
    () => found === A,
    'the snapshot',
    async () => {
      await settle();
      found = await storedIds();
    },
  );
  const { savedMs } = await stored();
  registry.reset();
  await watched.settle();
  expect(watched.ids).toEqual([]);
  for (let hour = 0; hour < 5; hour++) await clock.advance(HOUR_MS);
  // Written when the service has Pods again, and what was written before that is whole then.
  registry.reset(B);
  await until(
    () => found === B,
    'the next snapshot',
    async () => {
      await watched.settle();
      const { endpoints, savedMs: then } = await stored();
      if (endpoints[0]?.id === A) expect(then).toBe(savedMs);
      else found = B;
    },
  );
  watched.watch.close();
});

it('sweeps what a killed process left half-written, and leaves what is being written', async () => {
  await mkdir(snapshotDir, { recursive: true });
  const [old, fresh] = [join(snapshotDir, 'a.json.1.draft'), join(snapshotDir, 'b.json.2.draft')];
  for (const [file, ageMs] of [
    [old, 2 * HOUR_MS],
    [fresh, 1_000],
  ] as const) {
    await writeFile(file, '{');
    const writtenS = (clock.wallMs() - ageMs) / 1_000;
    await utimes(file, writtenS, writtenS);
  }
  await writeOne(A);
  const gone = async () => !(await readdir(snapshotDir)).includes('a.json.1.draft');
  let done = false;
  const look = async () => {
    done = await gone();
  };
  await until(() => done, 'the old draft to go', look);
  expect(clock.pending).toBe(0);
  // Once more, to the end: the other one may come later in the directory.
  await sweep(snapshotDir, DRAFT, HOUR_MS, clock.wallMs());
  expect(await readdir(snapshotDir)).toContain('b.json.2.draft');
});

it.each([
  ['a pipe', (file: string) => execFileSync('mkfifo', [file])],
  ['a device', (file: string) => symlinkSync('/dev/zero', file)],
])('is not waited for when there is %s in its place', async (_what, make) => {
  await writeOne(A);
  const file = await onlyFile();
  await rm(file);
  make(file);
  const watched = new Watched(downRegistry(), { clock, snapshotDir });
  expect(watched.ids).toBeUndefined();
  watched.watch.close();
});

it('says why it cannot be written, and goes on', async () => {
  await writeFile(join(directory, 'file'), '');
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry, { clock, snapshotDir: join(directory, 'file') });
  await settle();
  registry.reset(A);
  await watched.settle();
  await until(() => watched.watch.status.snapshotError !== undefined, 'the error', settle);
  expect(watched.watch.status.snapshotError).toContain('file');
  expect(watched.ids).toEqual([A]);
  watched.watch.close();
});

it('is not written of a static list', async () => {
  const fixed = new ScriptedRegistry('static');
  const first = new Watched(fixed, { clock, snapshotDir, snapshotKey: 'static' });
  await settle();
  fixed.reset(A);
  await first.settle();
  first.watch.close();
  // What would have been written before.
  await writeOne(A);
  await onlyFile();
});

it('is not written of a service without Pods, and grows old while the registry is down', async () => {
  const registry = new ScriptedRegistry();
  const watched = new Watched(registry, { clock, snapshotDir });
  await settle();
  registry.reset(A);
  await watched.settle();
  let found = '';
  const look = async () => {
    await settle();
    found = await storedIds();
  };
  await until(() => found === A, 'the snapshot', look);
  const { savedMs } = await stored();
  registry.reset();
  await watched.settle();
  expect(watched.ids).toEqual([]);
  registry.throwNow = new Error('down');
  registry.fail(new Error('down'));
  await clock.advance(3 * HOUR_MS);
  watched.watch.close();
  expect(await stored()).toMatchObject({ savedMs, endpoints: [{ id: A }] });
});
