import { nacos } from '@podwire/registry-nacos';
import { createChannel, type PodwireChannel } from 'podwire';
import { afterAll, afterEach, beforeAll, expect, onTestFailed, test } from 'vitest';
import { type DubboOptions, startDubboProvider } from '../servers/dubbo-go.mjs';
import { type Nacos, startNacos } from '../servers/nacos.mjs';
import { callEachKind, eachKindFrom, echoClient, getEcho } from '../support/echo.ts';
import { oneNacosVersion, viewOf } from '../support/nacos.ts';

let server: Nacos;
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  server = await startNacos({
    version: oneNacosVersion,
    properties: { 'nacos.naming.push.pushTaskDelay': 10 },
  });
});
afterAll(() => server?.close());
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function provide(pod: string, options: Partial<Parameters<typeof startDubboProvider>[0]> = {}) {
  const provider = await startDubboProvider({ nacos: server.address, pod, ...options });
  cleanups.push(() => provider.stop());
  onTestFailed(() => console.error(provider.log().slice(-4_000)));
  return provider;
}

function open(query: string, options: Parameters<typeof createChannel>[1] = {}): PodwireChannel {
  const registries = [nacos({ servers: [server.address] })];
  const channel = createChannel(`nacos:///podwire.test.Echo?${query}`, { registries, ...options });
  cleanups.push(() => channel.close());
  return channel;
}

const pods = (channel: PodwireChannel) => channel.snapshot().pods.map(({ id }) => id);

test.each<[string, string, Partial<DubboOptions> & { metadata?: 'dubbo' | 'tri' | 'remote' }]>([
  ['by interface', 'dubbo=interface', { mode: 'interface' }],
  [
    'by interface, with a version and a group',
    'dubbo=interface&version=1.0.0&serviceGroup=g',
    { mode: 'interface', version: '1.0.0', group: 'g' },
  ],
  ['by application, as dubbo-go registers by default', 'dubbo=application', { app: 'plain' }],
  [
    'by application, with a version and a group',
    'dubbo=application&version=2.0.0&serviceGroup=h&application=versioned',
    { app: 'versioned', version: '2.0.0', group: 'h', metadata: 'remote' },
  ],
])('finds and calls a provider of dubbo-go %s', async (_name, query, options) => {
  const channel = open(query);
  const client = echoClient(channel);
  const provider = await provide('go-1', options);
  await channel.ready({ timeoutMs: 20_000 });
  expect(pods(channel)).toEqual([provider.address]);
  expect(await callEachKind(client)).toEqual(eachKindFrom('go-1'));
});

/** The time at which something is true that is asked for again and again. */
async function when(isTrue: () => boolean | Promise<boolean>): Promise<number> {
  await expect.poll(isTrue, { interval: 2, timeout: 20_000 }).toBe(true);
  return performance.now();
}

test('calls know of what dubbo-go registers and deregisters as soon as Nacos itself lists it', async () => {
  const [version, rounds] = ['9.0.0', 5];
  const stays = await provide('stays', { mode: 'interface', version });
  const channel = open(`dubbo=interface&version=${version}`, { holdMs: 0, policy: 'round_robin' });
  const client = echoClient(channel);
  await channel.ready({ timeoutMs: 20_000 });
  const listed = async () =>
    (
      await viewOf(server, oneNacosVersion).instances(
        encodeURIComponent(`providers:podwire.test.Echo:${version}:`),
      )
    ).length;
  const tookMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const [registeredMs, calledMs, comes] = await Promise.all([
      when(async () => (await listed()) === 2),
      when(async () => (await getEcho(client)) === 'comes a'),
      provide('comes', { mode: 'interface', version }),
    ]);
    const [deregisteredMs, goneMs] = await Promise.all([
      when(async () => (await listed()) === 1),
      when(() => !pods(channel).includes(comes.address)),
      comes.stop('SIGTERM'),
    ]);
    tookMs.push(calledMs - registeredMs, goneMs - deregisteredMs);
  }
  console.log(`from Nacos's list to calls, in ms: ${tookMs.map((ms) => ms.toFixed(0)).join(' ')}`);
  expect(Math.max(...tookMs)).toBeLessThanOrEqual(150);
  expect(pods(channel)).toEqual([stays.address]);
});

test('follows the mapping: an application that joins is found, one that leaves is gone', async () => {
  const channel = open('dubbo=application&version=3.0.0', { holdMs: 0 });
  const first = await provide('go-1', { app: 'first', version: '3.0.0' });
  await expect.poll(() => pods(channel), { timeout: 20_000 }).toContain(first.address);
  const second = await provide('go-2', { app: 'second', version: '3.0.0' });
  await expect.poll(() => pods(channel).sort(), { timeout: 20_000 }).toContain(second.address);
  await first.stop('SIGTERM');
  await expect.poll(() => pods(channel), { timeout: 20_000 }).not.toContain(first.address);
  expect(await getEcho(echoClient(channel))).toBe('go-2 a');
});

test.each<['dubbo' | 'tri' | 'remote', string]>([
  ['dubbo', "over Dubbo's protocol, as dubbo-go has it"],
  ['tri', 'over Triple'],
  ['remote', "in Nacos's configs"],
])('two versions of an interface in applications are two services, told by %s: %s', async (metadata) => {
  const names = ['one', 'two'].map((name) => `${name}-${metadata}`) as [string, string];
  const start = (i: number) => provide(`go-${i + 1}`, { app: names[i]!, version: `${i + 1}.1.0`, metadata });
  const one = await start(0);
  const open1 = open('dubbo=application&version=1.1.0');
  const open2 = open(`dubbo=application&version=2.1.0&application=${names.join()}`);
  const none = open(`dubbo=application&version=9.9.9&application=${names.join()}`);
  await expect.poll(() => pods(open1), { timeout: 20_000 }).toContain(one.address);
  // One after the other: dubbo-go's writers of the mapping do not compare.
  const two = await start(1);
  await expect.poll(() => pods(open2), { timeout: 20_000 }).toEqual([two.address]);
  expect(pods(open1)).not.toContain(two.address);
  expect(await callEachKind(echoClient(open2))).toEqual(eachKindFrom('go-2'));
  const why = () => none.snapshot().registry?.missing;
  await expect.poll(why).toMatch(/lists [12] instances .*none that is healthy has version "9\.9\.9"/);
});

test('a Pod that does not say what it has is not used, and named', async () => {
  const channel = open('dubbo=application&application=mute&version=1.1.0');
  const provider = await provide('go-1', { app: 'mute', version: '1.1.0' });
  await expect.poll(() => pods(channel), { timeout: 20_000 }).toEqual([provider.address]);
  provider.signal('SIGSTOP');
  // Options that differ make watches that differ, as those of another process.
  const late = open('dubbo=application&application=mute&version=1.1.0', {
    registries: [nacos({ servers: [server.address], requestTimeoutMs: 2_000 })],
  });
  const status = () => late.snapshot().registry;
  const named = new RegExp(
    `${provider.address} is not used: its metadata service at .* \\(dubbo\\): no answer in 2000 ms`,
  );
  await expect.poll(() => status()?.dropped.join(), { timeout: 10_000 }).toMatch(named);
  expect(pods(late)).toEqual([]);
  provider.signal('SIGCONT');
  await expect.poll(() => pods(late), { timeout: 20_000 }).toEqual([provider.address]);
});
