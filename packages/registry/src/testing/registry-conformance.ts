import assert from 'node:assert/strict';
import { type EndpointInput, type Registry, toEndpoint } from '../index.ts';
import { Followed, realTurn, until } from './follow.ts';

/** One registry on a backend of its own, ready to be watched. */
export interface RegistryFixture {
  readonly registry: Registry;
  /** A service whose first Pods are `initial`. */
  readonly service: string;
  readonly initial: readonly EndpointInput[];
  /** Makes the backend list these Pods for the service from now on. Leave it out where nothing can change. */
  readonly change?: (endpoints: readonly EndpointInput[]) => Promise<void>;
  /** The properties that the backend can tell besides addresses; default none. */
  readonly says?: readonly ('weight' | 'zone' | 'phase' | 'attributes')[];
  /** A service that the backend does not know. Leave it out where every name is known. */
  readonly unknown?: string;
  /** Makes the backend unusable. Leave it out where it cannot fail. */
  readonly fail?: () => Promise<void>;
  /** Moves time on; called again and again while something is waited for. Default a short pause in real time. */
  readonly step?: () => Promise<void>;
  /** Timers that have not run on the registry's clock; checked to be none at the end. */
  readonly pendingTimers?: () => number;
  readonly close: () => Promise<void>;
}

/** One promise that every registry keeps. `run` opens a fixture of its own, and throws when the promise is broken. */
export interface ConformanceCase {
  readonly name: string;
  readonly run: (open: () => Promise<RegistryFixture>) => Promise<void>;
}

type Body = (fixture: RegistryFixture, follow: (service?: string) => Followed) => Promise<void>;

function promise(name: string, body: Body): ConformanceCase {
  return {
    name,
    async run(open) {
      const fixture = await open();
      const followed: Followed[] = [];
      try {
        await body(fixture, (service = fixture.service) => {
          const watch = new Followed(fixture.registry, service);
          followed.push(watch);
          return watch;
        });
      } finally {
        await Promise.all(followed.map((watch) => watch.close()));
        await fixture.registry.close?.();
        await fixture.close();
      }
      assert.equal(fixture.pendingTimers?.() ?? 0, 0, 'no timer may be left after the last watch ended');
    },
  };
}

const idsOf = (inputs: readonly EndpointInput[]) => inputs.map((input) => toEndpoint(input).id).sort();

async function untilIds(watch: Followed, inputs: readonly EndpointInput[], { step }: RegistryFixture) {
  const wanted = idsOf(inputs).join();
  await until(() => watch.ids.join() === wanted || watch.ended, `the Pods ${wanted}`, step);
  assert.equal(watch.ids.join(), wanted, `the watch ended early: ${watch.error}`);
}

const HOSTILE_NAMES = [
  '../orders',
  '/etc/passwd',
  '__proto__',
  'a\0b',
  '%2e%2e',
  '\ud800',
  'x'.repeat(5_000),
];

/** The suite; `for (const { name, run } of registryConformance) it(name, () => run(open))`. */
export const registryConformance: readonly ConformanceCase[] = [
  promise('a watch begins with every Pod of the service', async (fixture, follow) => {
    const watch = follow();
    await until(() => watch.last !== undefined || watch.ended, 'the first update', fixture.step);
    assert.equal(watch.updates[0]?.type, 'reset', `the first update must be a reset: ${watch.error}`);
    assert.deepEqual(watch.ids, idsOf(fixture.initial));
  }),

  promise('every endpoint is checked, immutable and named once', async (fixture, follow) => {
    const watch = follow();
    await untilIds(watch, fixture.initial, fixture);
    for (const update of watch.updates) {
      if (update.type !== 'reset' && update.type !== 'upsert') continue;
      assert.equal(new Set(update.endpoints.map(({ id }) => id)).size, update.endpoints.length);
      for (const endpoint of update.endpoints) {
        assert.ok(Object.isFrozen(endpoint), `${endpoint.id} must be frozen`);
        assert.deepEqual(toEndpoint(endpoint), endpoint);
      }
    }
  }),

  promise('a watch ends when its signal aborts, and says nothing after', async (fixture, follow) => {
    const watch = follow();
    await untilIds(watch, fixture.initial, fixture);
    await watch.close();
    assert.equal(watch.error, undefined, 'an abort is no failure');
    const said = watch.updates.length;
    await fixture.change?.([]);
    await (fixture.step ?? realTurn)();
    assert.equal(watch.updates.length, said);
  }),

  promise('a watch whose signal is aborted before it begins ends at once', async (_fixture, follow) => {
    const watch = follow();
    await watch.close();
    assert.ok(watch.ended);
    assert.ok(watch.updates.length <= 1);
  }),

  promise('watches of one service do not disturb each other', async (fixture, follow) => {
    const [first, second] = [follow(), follow()];
    await Promise.all([first, second].map((watch) => untilIds(watch, fixture.initial, fixture)));
    await first.close();
    if (fixture.change === undefined) return;
    const wanted = [...fixture.initial, { address: '10.9.0.1:50051' }];
    await fixture.change(wanted);
    await untilIds(second, wanted, fixture);
  }),

  promise('Pods that come and go are told', async (fixture, follow) => {
    if (fixture.change === undefined) return;
    const watch = follow();
    await untilIds(watch, fixture.initial, fixture);
    const steps = [
      [...fixture.initial, { address: '10.9.0.1:50051' }, { address: '[fd00::9]:50051' }],
      fixture.initial.slice(1),
      [{ address: '10.9.0.2:50051' }],
      [],
      fixture.initial,
    ];
    for (const wanted of steps) {
      await fixture.change(wanted);
      await untilIds(watch, wanted, fixture);
    }
  }),

  promise('a change of what is said of a Pod is told', async (fixture, follow) => {
    const { change, says = [], initial } = fixture;
    if (change === undefined || says.length === 0) return;
    const all = { weight: 7, zone: 'z9', phase: 'draining', attributes: { version: '9' } } as const;
    const said = Object.fromEntries(says.map((name) => [name, all[name]]));
    const watch = follow();
    await untilIds(watch, initial, fixture);
    await change([{ ...initial[0], ...said }, ...initial.slice(1)]);
    const wanted = toEndpoint({ ...initial[0], ...said });
    const weight = () => JSON.stringify(watch.endpoints.get(wanted.id));
    await until(() => weight() === JSON.stringify(wanted), `${JSON.stringify(wanted)}`, fixture.step);
  }),

  promise('a service that nobody knows is missing or empty, not a failure', async (fixture, follow) => {
    if (fixture.unknown === undefined) return;
    const watch = follow(fixture.unknown);
    await until(() => watch.last !== undefined || watch.ended, 'an answer', fixture.step);
    assert.equal(watch.error, undefined);
    assert.ok(watch.last?.type === 'missing' || watch.last?.type === 'reset');
    assert.deepEqual(watch.ids, []);
  }),

  promise('no service name leads to the Pods of another', async (fixture, follow) => {
    if (fixture.unknown === undefined) return;
    for (const name of HOSTILE_NAMES) {
      const watch = follow(name);
      await until(() => watch.last !== undefined || watch.ended, `an answer for ${name}`, fixture.step);
      assert.deepEqual(watch.ids, [], `${JSON.stringify(name)} must not name Pods`);
      await watch.close();
    }
  }),

  promise('an outage is a failure or a problem, never an empty service', async (fixture, follow) => {
    if (fixture.fail === undefined) return;
    const watch = follow();
    await untilIds(watch, fixture.initial, fixture);
    await fixture.fail();
    await until(() => watch.ended || watch.last?.type === 'problem', 'the outage to be told', fixture.step);
    assert.ok(watch.last?.type === 'problem' || watch.error instanceof Error);
    assert.deepEqual(watch.ids, idsOf(fixture.initial), 'what was said before still holds');
  }),
];
