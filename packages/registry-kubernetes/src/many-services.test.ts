import { setImmediate } from 'node:timers/promises';
import { Followed, until } from '@podwire/registry/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fixture } from './testing/fixture.ts';

const SERVICES = 40;
const AT_ONCE = 16;
let fixture: Fixture;
let all: Followed[] = [];

beforeEach(async () => {
  fixture = await Fixture.open();
});

afterEach(async () => {
  await Promise.all(all.map((followed) => followed.close()));
  await fixture.close();
});

function followAll(): void {
  const registry = fixture.registry();
  all = Array.from({ length: SERVICES }, (_, i) => new Followed(registry, `service-${i}`));
}

describe('a process that looks at many Services', () => {
  it('asks for some of them at a time, and hears of all', async () => {
    const { server } = fixture;
    let isHeld = true;
    const held: (() => void)[] = [];
    server.intercept = (_request, response) => {
      if (!isHeld) return false;
      const answer = { metadata: { resourceVersion: '1' }, items: [] };
      held.push(() => response.end(JSON.stringify(answer)));
      return true;
    };
    followAll();
    await until(() => held.length >= AT_ONCE, 'the first requests');
    for (let i = 0; i < 50; i++) await setImmediate();
    expect(server.requests).toHaveLength(AT_ONCE);
    isHeld = false;
    for (const answer of held) answer();
    const hasHeard = ({ updates }: Followed) => updates.some(({ type }) => type === 'missing');
    await until(() => all.every(hasHeard), 'all services');
    await until(() => server.watches === SERVICES, 'all watches');
    expect(server.of('list')).toHaveLength(SERVICES);
    expect(server.of('watch')).toHaveLength(SERVICES);
    // A watch goes on over the connection of a list.
    expect(server.connections).toBeLessThan(SERVICES + AT_ONCE);
  });

  it('lets all of them know at once that no server is reached', async () => {
    const { server } = fixture;
    server.intercept = (_request, response) => {
      response.destroy();
      return true;
    };
    followAll();
    await until(() => all.every(({ ended }) => ended), 'the failures');
    for (const { error } of all) expect((error as Error).message).toContain('no answer from the API server');
    expect(server.requests.length).toBeLessThanOrEqual(2 * AT_ONCE);
  });

  it('forgets those that are closed before it is their turn', async () => {
    const { server } = fixture;
    server.intercept = () => true;
    followAll();
    await until(() => server.requests.length >= AT_ONCE, 'the first requests');
    await Promise.all(all.map((followed) => followed.close()));
    server.intercept = undefined;
    const later = new Followed(fixture.registry(), 'later');
    all.push(later);
    await until(() => later.last?.type === 'missing', 'the one that is left');
    expect(server.of('list').length).toBeLessThanOrEqual(AT_ONCE + 1);
  });
});
