import { type Registry, toEndpoint } from '@podwire/registry';
import { settle, VirtualClock } from '@podwire/registry/testing';
import { expect, it } from 'vitest';
import { OwnZone } from '../options/own-zone.ts';
import { ZoneFinder } from './zone-finder.ts';

const pod = (host: string, zone?: string, node?: string) =>
  toEndpoint({ host, port: 1, zone, ...(node !== undefined && { attributes: { node } }) });

function open(answers: (string | undefined | Error)[], node: string | undefined = 'n1') {
  const clock = new VirtualClock();
  const zone = new OwnZone({ node });
  const asked: number[] = [];
  const registry = {
    async zoneOf(service: string, of: string) {
      expect([service, of]).toEqual(['orders', 'n1']);
      asked.push(clock.nowMs());
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
  } as Partial<Registry> as Registry;
  let found = 0;
  const finder = new ZoneFinder(zone, registry, 'orders', { clock, random: () => 1 }, () => {
    found += 1;
  });
  return { clock, zone, asked, finder, found: () => found };
}

it('is that of a Pod on the own node, and stays when the Pod leaves', async () => {
  const { zone, finder, asked, found } = open([]);
  expect(zone.problem).toContain('no Pod was seen yet that is on the node n1');
  finder.onSet([pod('10.0.0.1', 'b', 'n2'), pod('10.0.0.2', undefined, 'n1'), pod('10.0.0.3', 'a', 'n1')]);
  expect([zone.name, zone.problem]).toEqual(['a', undefined]);
  finder.onSet([pod('10.0.0.1', 'b', 'n2')]);
  await settle();
  expect([zone.name, asked.length, found()]).toEqual(['a', 0, 0]);
});

it('is asked of the registry where no Pod of the service tells it, ever less often', async () => {
  const { zone, finder, asked, clock, found } = open([undefined, new Error('not allowed to list'), 'a']);
  finder.onSet([pod('10.0.0.1', 'b', 'n2')]);
  await settle();
  expect(zone.name).toBeUndefined();
  expect(zone.problem).toBe(
    'the zone of the node n1 is not known, and none is preferred: no Pod that the registry knows is on it',
  );
  await clock.advance(5_000);
  expect(zone.problem).toContain('not allowed to list');
  await clock.advance(20_000);
  expect([zone.name, zone.problem, found()]).toEqual(['a', undefined, 1]);
  expect(asked.map((ms) => ms - asked[0]!)).toEqual([0, 5_000, 25_000]);
  expect(clock.pending).toBe(0);
});

it('is not asked for any more when a Pod tells it, or when the channel is closed', async () => {
  const told = open([undefined]);
  told.finder.onSet([]);
  await settle();
  told.finder.onSet([pod('10.0.0.1', 'a', 'n1')]);
  await told.clock.advance(60_000);
  expect([told.zone.name, told.asked.length]).toEqual(['a', 1]);
  const closed = open([undefined]);
  closed.finder.onSet([]);
  await settle();
  closed.finder.close();
  expect(closed.clock.pending).toBe(0);
});

it('is none where the node is not known, and is not asked for', async () => {
  const { finder, asked } = open([]);
  const none = new OwnZone({ node: undefined });
  expect([none.name, none.problem]).toEqual([
    undefined,
    'options.zone.node is not set: no zone is preferred',
  ]);
  const unset = open(['a']);
  const zone = new OwnZone({ node: undefined });
  const other = new ZoneFinder(
    zone,
    {} as Registry,
    'orders',
    { clock: unset.clock, random: () => 1 },
    () => {},
  );
  other.onSet([pod('10.0.0.1', 'a', 'n1')]);
  await settle();
  expect(zone.name).toBeUndefined();
  finder.close();
  expect(asked).toEqual([]);
});

it('is none of a registry that cannot tell', async () => {
  const clock = new VirtualClock();
  const zone = new OwnZone({ node: 'n1' });
  const finder = new ZoneFinder(zone, {} as Registry, 'orders', { clock, random: () => 1 }, () => {});
  finder.onSet([pod('10.0.0.1', 'a')]);
  await settle();
  expect(zone.problem).toContain('no Pod that the registry knows is on it');
  finder.close();
  expect(clock.pending).toBe(0);
});

it('is told to every cluster, whichever of them finds it first', async () => {
  const clock = new VirtualClock();
  const zone = new OwnZone({ node: 'n1' });
  const answers = [new Error('busy'), 'a'];
  const registry = {
    async zoneOf() {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
  } as Partial<Registry> as Registry;
  const told: string[] = [];
  const env = { clock, random: () => 1 };
  const finders = ['one', 'two', 'three'].map(
    (name) => new ZoneFinder(zone, registry, 'orders', env, () => void told.push(name)),
  );
  for (const finder of finders) finder.onSet([pod('10.0.0.1', 'b', 'n2')]);
  await settle();
  expect([zone.name, told]).toEqual(['a', ['one', 'two', 'three']]);
  await clock.advance(5_000);
  expect([told.length, clock.pending]).toEqual([3, 0]);
});
