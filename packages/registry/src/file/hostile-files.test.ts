import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rename } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@podwire/core';
import { VirtualClock } from '@podwire/core/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { toEndpoint } from '../endpoint.ts';
import { Followed } from '../testing/follow.ts';
import { watchService } from '../watched/watch-service.ts';
import { fileAnnouncer } from './file-announcer.ts';
import { fileRegistry } from './file-registry.ts';
import { thisMachine } from './lease.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, rename: vi.fn(real.rename) };
});

const SOON = { timeout: 3_000 };
let directory: string;
const open: Followed[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podwire-hostile-'));
});
afterEach(async () => {
  vi.mocked(rename).mockReset();
  await Promise.all(open.splice(0).map((followed) => followed.close()));
  rmSync(directory, { recursive: true, force: true });
});

function follow(path: string): Followed {
  const followed = new Followed(fileRegistry(path, { pollMs: 10 }), 'orders');
  open.push(followed);
  return followed;
}

const document = (...addresses: string[]) =>
  JSON.stringify({ services: { orders: { endpoints: addresses.map((address) => ({ address })) } } });

describe('in the place of a document', () => {
  test.each([
    ['a pipe', (path: string) => execFileSync('mkfifo', [path]), 'is no regular file'],
    ['a device', (path: string) => symlinkSync('/dev/zero', path), 'is no regular file'],
    ['a link to itself', (path: string) => symlinkSync(path, path), 'ELOOP'],
    ['a file of the kernel without end', (path: string) => symlinkSync('/proc/self/mem', path), 'EIO'],
    [
      'much YAML',
      (path: string) => writeFileSync(path, `services:\n${'  a: {}\n'.repeat(40_000)}`),
      'is YAML of more than 262144 characters: write it as JSON',
    ],
    [
      'half of a large JSON',
      (path: string) => writeFileSync(path, document(...Array(5_000).fill('10.0.0.1:1')).slice(0, -9)),
      'is not JSON',
    ],
    [
      'nesting without end',
      (path: string) => writeFileSync(path, `services: ${'['.repeat(100_000)}`),
      'is neither JSON nor YAML: it is nested deeper',
    ],
  ])('%s is a problem, soon and named, and what comes in its place is read', async (_name, make, problem) => {
    const path = join(directory, 'services.json');
    make(path);
    const followed = follow(path);
    await expect
      .poll(() => followed.last, SOON)
      .toMatchObject({ type: 'problem', reason: expect.stringContaining(problem) });
    rmSync(path);
    writeFileSync(path, document('10.0.0.2:1'));
    await expect
      .poll(() => followed.last, SOON)
      .toMatchObject({ type: 'reset', endpoints: [{ id: '10.0.0.2:1' }] });
  });
});

test('a directory of leases that is made after the consumer started is found, without a slash at the end', async () => {
  const path = join(directory, 'run');
  let ids = '';
  const watch = watchService(
    fileRegistry(path, { pollMs: 10 }),
    'orders',
    { clock: systemClock, random: () => 0 },
    {
      onSet: ({ endpoints }) => {
        ids = endpoints.map(({ id }) => id).join();
      },
    },
  );
  await expect.poll(() => watch.status.lastError, SOON).toContain('ENOENT');
  const announcement = await fileAnnouncer(path).announce('orders', toEndpoint({ address: '10.0.0.1:1' }));
  await expect.poll(() => ids, SOON).toBe('10.0.0.1:1');
  await announcement.withdraw();
  watch.close();
});

describe('among leases', () => {
  const lease = (address: string, expiresMs: number) =>
    JSON.stringify({ address, expiresMs, pid: process.pid, machine: thisMachine() });
  const inMs = (ms: number) => Date.now() + ms;

  test('what is none is dropped and named, also when nothing else changed', async () => {
    const leases = join(directory, 'orders');
    mkdirSync(leases);
    writeFileSync(join(leases, 'good.json'), lease('10.0.0.1:1', inMs(60_000)));
    const followed = follow(`${directory}/`);
    await expect
      .poll(() => followed.last, SOON)
      .toMatchObject({ endpoints: [{ id: '10.0.0.1:1' }], dropped: [] });
    execFileSync('mkfifo', [join(leases, 'pipe.json')]);
    symlinkSync(join(leases, 'loop.json'), join(leases, 'loop.json'));
    mkdirSync(join(leases, 'directory.json'));
    writeFileSync(join(leases, 'far.json'), lease('10.0.0.2:1', inMs(3 * 86_400_000)));
    writeFileSync(
      join(leases, 'endless.json'),
      lease('10.0.0.3:1', 0).replace('"expiresMs":0', '"expiresMs":1e999'),
    );
    writeFileSync(join(leases, 'large.json'), ' '.repeat(140_000));
    const said = [
      /directory\.json is no regular file/,
      /endless\.json\.expiresMs: .* must be a number/,
      /far\.json\.expiresMs: .* must be within two days/,
      /large\.json: 140000 bytes are more than the limit/,
      /ELOOP/,
      /pipe\.json is no regular file/,
    ].map((text) => expect.stringMatching(text));
    await expect
      .poll(() => followed.last, SOON)
      .toMatchObject({ endpoints: [{ id: '10.0.0.1:1' }], dropped: said });
  });

  test('a good one whose file breaks is named, and lasts for its time', async () => {
    const leases = join(directory, 'orders');
    mkdirSync(leases);
    const clock = new VirtualClock(Date.now());
    const file = join(leases, 'a.json');
    const whole = lease('10.0.0.1:1', clock.wallMs() + 10_000);
    writeFileSync(file, whole);
    writeFileSync(join(leases, 'b.json'), lease('10.0.0.2:1', clock.wallMs() + 60_000));
    const followed = new Followed(fileRegistry(`${directory}/`, { pollMs: 100, clock }), 'orders');
    open.push(followed);
    const look = async () => {
      await clock.advance(100);
      return followed.last;
    };
    const both = [{ id: '10.0.0.1:1' }, { id: '10.0.0.2:1' }];
    await expect.poll(look, SOON).toMatchObject({ endpoints: both });
    writeFileSync(file, whole.slice(0, 30));
    const dropped = [expect.stringContaining('a.json: ')];
    await expect.poll(look, SOON).toMatchObject({ endpoints: both, dropped });
    await clock.advance(10_000);
    await expect.poll(look, SOON).toMatchObject({ endpoints: [{ id: '10.0.0.2:1' }], dropped });
  });

  test('of a process that is gone none counts, unless its id belongs to another container or machine', async () => {
    const leases = join(directory, 'orders');
    mkdirSync(leases);
    const { pid } = spawnSync(process.execPath, ['--version']);
    const dead = (address: string, machine: string) =>
      JSON.stringify({ address, expiresMs: inMs(60_000), pid, machine });
    writeFileSync(join(leases, 'here.json'), dead('10.0.0.1:1', thisMachine()));
    writeFileSync(join(leases, 'container.json'), dead('10.0.0.2:1', `${hostname()} pid:[1]`));
    // A machine of the same image: its name and the number of its first namespace are the same.
    const elsewhere = `${hostname()} ${process.platform === 'linux' ? readlinkSync('/proc/self/ns/pid') : 'other'}`;
    writeFileSync(join(leases, 'machine.json'), dead('10.0.0.3:1', elsewhere));
    const followed = follow(`${directory}/`);
    const ids = [{ id: '10.0.0.2:1' }, { id: '10.0.0.3:1' }];
    await expect.poll(() => followed.last, SOON).toMatchObject({ endpoints: ids });
  });

  test('what killed providers left long ago is removed by the next one', async () => {
    const leases = join(directory, 'orders');
    mkdirSync(leases);
    const names = ['old.json', `old.json.${crypto.randomUUID()}`, 'expired.json', 'notes.txt'];
    for (const name of names) writeFileSync(join(leases, name), lease('10.0.0.9:1', inMs(-1)));
    const longAgo = new Date(inMs(-3 * 86_400_000));
    for (const name of names) if (name !== 'expired.json') utimesSync(join(leases, name), longAgo, longAgo);
    const announcement = await fileAnnouncer(directory).announce(
      'orders',
      toEndpoint({ address: '10.0.0.1:1' }),
    );
    await expect
      .poll(() => readdirSync(leases).sort())
      .toEqual([expect.stringMatching(/^10\.0\.0\.1%3A1\.[0-9a-f-]+\.json$/), 'expired.json', 'notes.txt']);
    await announcement.withdraw();
  });

  test('a lease that cannot be written leaves nothing behind, however often it is tried', async () => {
    vi.mocked(rename).mockRejectedValue(new Error('EIO'));
    const announcer = fileAnnouncer(directory);
    for (let i = 0; i < 3; i++) {
      await expect(announcer.announce('orders', toEndpoint({ address: '10.0.0.1:1' }))).rejects.toThrow(
        'EIO',
      );
    }
    expect(readdirSync(join(directory, 'orders'))).toEqual([]);
  });

  test.each([0, 99, Number.NaN, 86_400_001, '5s'])('a lease of %j ms is refused', (leaseMs) => {
    expect(() => fileAnnouncer(directory, { leaseMs: leaseMs as number })).toThrow('options.leaseMs');
  });
});
