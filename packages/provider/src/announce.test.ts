import { once } from 'node:events';
import { InvalidInput } from '@podwire/core';
import type { Announcement, Announcer, Endpoint } from '@podwire/registry';
import { settle, VirtualClock } from '@podwire/registry/testing';
import { expect, test } from 'vitest';
import { announce } from './announce.ts';

/** An announcer whose answers are given by hand. */
class ManualRegistry implements Announcer {
  readonly listed = new Map<string, Endpoint>();
  /** What changes are refused with. */
  refusal: Error | undefined;
  readonly attempts: { succeed(): void; fail(error: Error): void }[] = [];

  announce(_service: string, endpoint: Endpoint): Promise<Announcement> {
    return new Promise((resolve, reject) => {
      const succeed = () => {
        this.listed.set(endpoint.id, endpoint);
        resolve({
          endpoint,
          update: async (change) => {
            if (this.refusal !== undefined) throw this.refusal;
            this.listed.set(endpoint.id, { ...endpoint, ...change } as Endpoint);
          },
          withdraw: async () => {
            this.listed.delete(endpoint.id);
          },
        });
      };
      this.attempts.push({ succeed, fail: reject });
    });
  }
}

function begin() {
  const registry = new ManualRegistry();
  const clock = new VirtualClock();
  const problems: string[] = [];
  const onProblem = (error: Error) => problems.push(error.message);
  const options = { service: 'orders', host: '10.0.0.1', port: 50051, random: () => 0.5 };
  const presence = announce({ ...options, registry, clock, onProblem });
  return { registry, clock, problems, presence };
}

test('a Pod is listed until it withdraws', async () => {
  const { registry, clock, presence } = begin();
  registry.attempts[0]!.succeed();
  const pod = await presence;
  expect([pod.state, [...registry.listed.keys()]]).toEqual(['listed', ['10.0.0.1:50051']]);
  await Promise.all([pod.withdraw(), pod.withdraw()]);
  expect([pod.state, registry.listed.size, clock.pending]).toEqual(['withdrawn', 0, 0]);
  await expect(pod.update({ weight: 2 })).rejects.toThrow('10.0.0.1:50051 was withdrawn from orders');
});

test('a registry that is away does not hold the provider up, and is asked again with backoff', async () => {
  const { registry, clock, problems, presence } = begin();
  registry.attempts[0]!.fail(new Error('no answer'));
  const pod = await presence;
  expect(pod.state).toBe('announcing');
  await clock.advance(375);
  registry.attempts[1]!.fail(new Error('no answer'));
  await clock.advance(749);
  expect(registry.attempts).toHaveLength(2);
  await clock.advance(1);
  await pod.update({ weight: 7 });
  registry.attempts[2]!.succeed();
  await settle();
  expect([pod.state, registry.listed.get('10.0.0.1:50051')?.weight]).toEqual(['listed', 7]);
  expect(problems).toEqual(Array(2).fill('10.0.0.1:50051 is not announced as orders: no answer'));
});

test('the time in which no server was reached counts as waiting', async () => {
  const { registry, clock, presence } = begin();
  await clock.advance(300);
  registry.attempts[0]!.fail(Object.assign(new Error('no answer'), { unreachable: true }));
  const pod = await presence;
  await clock.advance(74);
  expect(registry.attempts).toHaveLength(1);
  await clock.advance(1);
  expect(registry.attempts).toHaveLength(2);
  registry.attempts[1]!.succeed();
  await settle();
  await pod.withdraw();
});

test('a change that the registry missed goes with the next, and one that it refuses is forgotten', async () => {
  const { registry, presence } = begin();
  registry.attempts[0]!.succeed();
  const pod = await presence;
  registry.refusal = new Error('no answer');
  await expect(pod.update({ weight: 7 })).rejects.toThrow('no answer');
  registry.refusal = undefined;
  await pod.update({ phase: 'draining' });
  expect(registry.listed.get('10.0.0.1:50051')).toMatchObject({ weight: 7, phase: 'draining' });
  registry.refusal = new InvalidInput('change.weight', 1e9, 'must be at most 10000');
  await expect(pod.update({ weight: 1e9 })).rejects.toThrow('at most 10000');
  registry.refusal = undefined;
  await pod.update({ phase: 'serving' });
  expect(registry.listed.get('10.0.0.1:50051')).toMatchObject({ weight: 7, phase: 'serving' });
});

test('a registry that does not answer is waited for 5 s, and what it takes later is listed', async () => {
  const { registry, clock, presence } = begin();
  let resolved = false;
  void presence.then(() => {
    resolved = true;
  });
  await clock.advance(4_999);
  expect(resolved).toBe(false);
  await clock.advance(1);
  const pod = await presence;
  registry.attempts[0]!.succeed();
  await settle();
  expect(pod.state).toBe('listed');
});

test('a Pod that the registry takes after the withdrawal began is taken out', async () => {
  const { registry, clock, presence } = begin();
  await clock.advance(5_000);
  const pod = await presence;
  const gone = pod.withdraw();
  registry.attempts[0]!.succeed();
  await gone;
  expect(registry.listed.size).toBe(0);
});

test('a withdrawal ends the wait for the next attempt', async () => {
  const { registry, clock, presence } = begin();
  registry.attempts[0]!.fail(new Error('no answer'));
  await (await presence).withdraw();
  await clock.advance(300_000);
  expect([registry.attempts.length, clock.pending]).toEqual([1, 0]);
});

test('what no registry takes is an error at once', async () => {
  const { registry, presence } = begin();
  registry.attempts[0]!.fail(new InvalidInput('endpoint.weight', 1e9, 'must be at most 10000'));
  await expect(presence).rejects.toThrow('endpoint.weight: 1000000000 must be at most 10000');
  const wrong = { registry, service: 'orders', host: '10.0.0.1' };
  await expect(announce({ ...wrong, port: 0 })).rejects.toThrow('options.port: 0 must be a port');
  await expect(announce({ ...wrong, port: 1, wieght: 2 } as never)).rejects.toThrow("did you mean 'weight'");
  await expect(announce({ ...wrong, service: '', port: 1 })).rejects.toThrow('options.service');
  await expect(announce({ ...wrong, port: 1, timeoutMs: '5' } as never)).rejects.toThrow('must be a number');
  await expect(announce({ ...wrong, port: 1, onProblem: 1 } as never)).rejects.toThrow('must be a function');
  for (const host of ['0.0.0.0', '::', '0::0']) {
    await expect(announce({ ...wrong, port: 1, host })).rejects.toThrow(
      'must be the address that others reach',
    );
  }
});

test('a problem without a handler is a warning of the process', async () => {
  const registry = new ManualRegistry();
  const clock = new VirtualClock();
  const warned = once(process, 'warning');
  const presence = announce({ service: 'orders', host: '10.0.0.1', port: 50051, registry, clock });
  registry.attempts[0]!.fail(new Error('unknown user!'));
  expect((await warned)[0]).toMatchObject({
    message: '10.0.0.1:50051 is not announced as orders: unknown user!',
    code: 'PODWIRE_NOT_ANNOUNCED',
  });
  await (await presence).withdraw();
});
