import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '@podwire/core';
import { VirtualClock } from '@podwire/core/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toEndpoint } from '../endpoint.ts';
import { Followed } from '../testing/follow.ts';
import { fileAnnouncer } from './file-announcer.ts';
import { fileRegistry } from './file-registry.ts';

const HOUR_MS = 3_600_000;
const endpoint = toEndpoint({ address: '10.0.0.1:1' });
let directory: string;
const open: Followed[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podwire-leases-'));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((followed) => followed.close()));
  rmSync(directory, { recursive: true, force: true });
});

function follow(clock: Clock = systemClock): Followed {
  const followed = new Followed(fileRegistry(`${directory}/`, { pollMs: 20, clock }), 'orders');
  open.push(followed);
  return followed;
}

const files = () => readdirSync(join(directory, 'orders')).sort();
const pathOf = (name: string) => join(directory, 'orders', name);

describe('two announcements of one address, as of the workers of a cluster', () => {
  test('one that leaves takes nothing of the other', async () => {
    const announcer = fileAnnouncer(directory);
    const [one, other] = [
      await announcer.announce('orders', endpoint),
      await announcer.announce('orders', endpoint),
    ];
    const followed = follow();
    await expect.poll(() => followed.ids).toEqual(['10.0.0.1:1']);
    await one.withdraw();
    expect(files()).toHaveLength(1);
    // What follows is read after the withdrawal.
    const marker = await announcer.announce('orders', toEndpoint({ address: '10.0.0.2:1' }));
    await expect.poll(() => followed.ids).toEqual(['10.0.0.1:1', '10.0.0.2:1']);
    expect(followed.updates.every((update) => update.type === 'reset' && update.endpoints.length > 0)).toBe(
      true,
    );
    await Promise.all([other.withdraw(), marker.withdraw()]);
    await expect.poll(() => followed.ids).toEqual([]);
    expect(files()).toEqual([]);
  });

  test('the address serves while one of them serves, and drains with the last', async () => {
    const announcer = fileAnnouncer(directory);
    const [one, other] = [
      await announcer.announce('orders', endpoint),
      await announcer.announce('orders', endpoint),
    ];
    const followed = follow();
    const phase = () => followed.endpoints.get('10.0.0.1:1')?.phase;
    await expect.poll(phase).toBe('serving');
    await one.update({ phase: 'draining', weight: 5 });
    const marker = await announcer.announce('orders', toEndpoint({ address: '10.0.0.2:1' }));
    await expect.poll(() => followed.ids.length).toBe(2);
    expect(phase()).toBe('serving');
    await other.update({ phase: 'draining' });
    await expect.poll(phase).toBe('draining');
    await Promise.all([one, other, marker].map((announcement) => announcement.withdraw()));
  });

  test('a file that another process wrote is not removed', async () => {
    const announcement = await fileAnnouncer(directory).announce('orders', endpoint);
    const [name = ''] = files();
    const other = readFileSync(pathOf(name), 'utf8').replace(/"pid":\d+/, '"pid":1');
    writeFileSync(pathOf(name), other);
    await announcement.withdraw();
    expect(readFileSync(pathOf(name), 'utf8')).toBe(other);
  });
});

describe.each([
  ['15 s behind', -15_000],
  ['15 s ahead', 15_000],
  ['hours behind', -30 * HOUR_MS],
  ['days ahead', 100 * HOUR_MS],
])('a provider whose clock is %s', (_what, byMs) => {
  test('is listed at once, stays, and is gone when it renews no more', async () => {
    const start = Date.now();
    const clock = new VirtualClock(start);
    const writer = new VirtualClock(start + byMs);
    const announcement = await fileAnnouncer(directory, { clock: writer }).announce('orders', endpoint);
    const followed = follow(clock);
    const step = async () => {
      await clock.advance(100);
      return followed.ids;
    };
    await expect.poll(step).toEqual(['10.0.0.1:1']);
    const before = readFileSync(pathOf(files()[0]!), 'utf8');
    await clock.advance(6_000);
    await writer.advance(4_000);
    await expect.poll(() => readFileSync(pathOf(files()[0]!), 'utf8')).not.toBe(before);
    const marker = await fileAnnouncer(directory).announce('orders', toEndpoint({ address: '10.0.0.2:1' }));
    await expect.poll(step).toContain('10.0.0.2:1');
    // The renewal has been read by now. Nine seconds later the first lease is over, and the renewed one is not.
    const renewedMs = clock.nowMs();
    await clock.advance(9_000);
    expect(followed.ids).toContain('10.0.0.1:1');
    // It was killed.
    await expect.poll(step).not.toContain('10.0.0.1:1');
    expect(clock.nowMs() - renewedMs).toBeLessThan(12_000);
    await marker.withdraw();
    await announcement.withdraw();
  });
});

describe('what a killed provider on another machine left', () => {
  const leave = async () => {
    const clock = new VirtualClock();
    const announcement = await fileAnnouncer(directory, { clock }).announce('orders', endpoint);
    const [name = ''] = files();
    const text = readFileSync(pathOf(name), 'utf8').replace(/"machine":"[^"]*"/, '"machine":"other"');
    await announcement.withdraw();
    writeFileSync(pathOf(name), text);
    return pathOf(name);
  };

  test('is not listed when it is older than its lease, by the time of the file system', async () => {
    const file = await leave();
    const longAgo = new Date(Date.now() - 11_000);
    utimesSync(file, longAgo, longAgo);
    const followed = follow();
    await expect.poll(() => followed.last).toMatchObject({ type: 'reset', endpoints: [] });
    // It lives after all: it is written again.
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"expiresMs":\d+/, '"expiresMs":1'));
    await expect.poll(() => followed.ids).toEqual(['10.0.0.1:1']);
    expect(readdirSync(join(directory, 'orders')).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('is listed for the rest of its time', async () => {
    const file = await leave();
    const ago = new Date(Date.now() - 8_000);
    utimesSync(file, ago, ago);
    const clock = new VirtualClock();
    const followed = follow(clock);
    await expect.poll(() => followed.ids).toEqual(['10.0.0.1:1']);
    await clock.advance(2_500);
    await expect.poll(() => followed.ids).toEqual([]);
  });

  test('is removed by the next provider, sooner than it hurts, and a long lease is not', async () => {
    const file = await leave();
    const ago = new Date(Date.now() - 11 * 60_000);
    utimesSync(file, ago, ago);
    const long = pathOf('long.json');
    writeFileSync(long, readFileSync(file, 'utf8').replace('"leaseMs":10000', '"leaseMs":3600000'));
    utimesSync(long, ago, ago);
    // Its clock is days ahead: by it, the long lease is over as well.
    const clock = new VirtualClock(Date.now() + 100 * HOUR_MS);
    const announcement = await fileAnnouncer(directory, { clock }).announce(
      'orders',
      toEndpoint({ address: '10.0.0.9:1' }),
    );
    await expect.poll(files).toEqual([expect.stringMatching(/^10\.0\.0\.9%3A1\./), 'long.json']);
    await announcement.withdraw();
  });
});

test('a reader that was stopped does not list what was written last while it stood still, long ago', async () => {
  const clock = new VirtualClock();
  const live = await fileAnnouncer(directory).announce('orders', toEndpoint({ address: '10.0.0.2:1' }));
  const announcement = await fileAnnouncer(directory).announce('orders', endpoint);
  const name = files().find((file) => file.startsWith('10.0.0.1'))!;
  const followed = follow(clock);
  await expect.poll(() => followed.ids).toEqual(['10.0.0.1:1', '10.0.0.2:1']);
  // Renewed once, then killed, while the reader stands still; another provider goes on.
  const text = readFileSync(pathOf(name), 'utf8').replace(/"expiresMs":\d+/, '"expiresMs":1');
  const ago = new Date(Date.now() - 20_000);
  writeFileSync(pathOf(name), text);
  utimesSync(pathOf(name), ago, ago);
  await live.update({ weight: 2 });
  await clock.advance(30_000);
  await expect.poll(() => followed.ids).toEqual(['10.0.0.2:1']);
  await Promise.all([live.withdraw(), announcement.withdraw()]);
});

test('an address of any length has a file', async () => {
  const host = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}`;
  mkdirSync(join(directory, 'orders'));
  const announcement = await fileAnnouncer(directory).announce('orders', toEndpoint({ host, port: 1 }));
  const followed = follow();
  await expect.poll(() => followed.ids).toEqual([`${host}:1`]);
  await announcement.withdraw();
});
