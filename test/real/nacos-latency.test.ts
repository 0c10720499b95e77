import { setTimeout as pause } from 'node:timers/promises';
import { toEndpoint } from '@podwire/registry';
import { nacos } from '@podwire/registry-nacos';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Nacos, startNacos } from '../servers/nacos.mjs';
import { Cleanup, discover, instance, nacosPackage, nacosVersions, newService } from '../support/nacos.ts';
import { NacosObserver } from '../support/nacos-observer.ts';
import { get, type OrdersClient } from '../support/orders-client.ts';
import { startOrdersServer } from '../support/orders-server.ts';

/**
 * Registrations and as many deregistrations of each of the services, `PODWIRE_NACOS_LATENCY_ROUNDS` for more: a hundred in all, so
 * that the 99th percentile is not the worst.
 */
const ROUNDS = Number(process.env.PODWIRE_NACOS_LATENCY_ROUNDS ?? 13);
/** How podwire looks: over HTTP, Nacos's datagrams say that there is something to ask for. */
const PROTOCOL = process.env.PODWIRE_NACOS_LATENCY_PROTOCOL === 'http' ? 'http' : 'grpc';
/** Over HTTP a list is asked for once in so long at most. */
const GAP_MS = PROTOCOL === 'http' ? 100 : 0;
const SERVICES = 8;
const CALL_EVERY_MS = 4;
/** The server looks once in so long for pushes that it held long enough (`NacosDelayTaskExecuteEngine`):
 * to the delay it adds half of that on average, whoever listens. */
const TICK_MS = 100;

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const cases = nacosVersions.flatMap((version) => [500, 10].map((delayMs) => [version, delayMs] as const));

/** Calls one service all the time; knows when the first call went out that knew of a change. */
class Caller {
  readonly #client: OrdersClient;
  readonly #calls: { readonly startedMs: number; readonly pod: string }[] = [];
  readonly #open = new Set<Promise<void>>();
  readonly #timer = setInterval(() => {
    const call = this.#call().finally(() => this.#open.delete(call));
    this.#open.add(call);
  }, CALL_EVERY_MS);

  constructor(client: OrdersClient) {
    this.#client = client;
  }

  /** When the first call after `sinceMs` that went to the Pod went out. */
  firstTo(pod: string, sinceMs: number): Promise<number> {
    return poll(() => this.#calls.find((call) => call.startedMs >= sinceMs && call.pod === pod)?.startedMs);
  }

  /** When the first call after the last to the Pod went out: calls alternate between the two Pods that are known. */
  firstWithout(pod: string): Promise<number> {
    return poll(() => {
      const rest = this.#calls.slice(this.#calls.findLastIndex((call) => call.pod === pod) + 1);
      return rest.length < 8 ? undefined : rest[0]?.startedMs;
    });
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
  }

  async #call(): Promise<void> {
    const startedMs = performance.now();
    const { pod } = await get(this.#client);
    this.#calls.push({ startedMs, pod });
    if (this.#calls.length > 1_000) this.#calls.splice(0, 500);
  }
}

describe.each(cases)('Nacos %s that holds pushes for %i ms', (version, delayMs) => {
  let server: Nacos;
  beforeAll(async () => {
    server = await startNacos({ version, properties: { 'nacos.naming.push.pushTaskDelay': delayMs } });
  }, 180_000);
  afterAll(() => server?.close());

  const startPod = async () => {
    const pod = await startOrdersServer();
    cleanup.add(() => pod.stop());
    return pod;
  };

  test('calls know of what podwire and the nacos package register as soon as it is pushed', {
    timeout: 600_000,
  }, async () => {
    const stays = await startPod();
    const registry = nacos({ servers: [server.address] });
    cleanup.add(() => registry.close?.());
    const client = await nacosPackage(server, cleanup);
    const observer = await NacosObserver.open(server);
    cleanup.add(() => observer.close());
    const byPodwire = async (service: string, port: number) => {
      const announced = await registry.announce(service, toEndpoint({ host: '127.0.0.1', port }));
      return () => announced.withdraw();
    };
    const byPackage = async (service: string, port: number) => {
      await client.registerInstance(service, instance(port));
      return () => client.deregisterInstance(service, instance(port));
    };
    const samples = { listed: [] as Sample[], left: [] as Sample[] };
    const rounds = async (register: typeof byPodwire | typeof byPackage) => {
      const service = newService();
      const { port, address } = await startPod();
      await registry.announce(service, toEndpoint({ address: stays.address }));
      await observer.subscribe(service);
      const { channel, client: orders } = discover(server, service, cleanup, {
        policy: 'round_robin',
        registry: { protocol: PROTOCOL },
      });
      await channel.ready();
      const caller = new Caller(orders);
      cleanup.add(() => caller.stop());
      const pushed = (isListed: boolean, sinceMs: number) =>
        poll(() => {
          const ours = observer.pushes.filter((push) => push.service === service && push.atMs >= sinceMs);
          return ours.find(({ ports }) => ports.includes(port) === isListed)?.atMs;
        });
      for (let round = -1; round < ROUNDS; round++) {
        await pause(100 + Math.random() * 100);
        const registeredMs = performance.now();
        const leave = await register(service, port);
        const knownMs = await caller.firstTo(address, registeredMs);
        const listed = sample(registeredMs, await pushed(true, registeredMs), knownMs);
        await pause(100 + Math.random() * 100);
        const deregisteredMs = performance.now();
        await leave();
        const pushMs = await pushed(false, deregisteredMs);
        const goneMs = await caller.firstWithout(address);
        if (round < 0) continue;
        samples.listed.push(listed);
        samples.left.push(sample(deregisteredMs, pushMs, goneMs));
      }
    };
    const registrars = Array.from({ length: SERVICES }, (_, i) => (i % 2 === 0 ? byPodwire : byPackage));
    await Promise.all(registrars.map(rounds));
    for (const [what, taken] of Object.entries(samples)) {
      expect(taken).toHaveLength(SERVICES * ROUNDS);
      const at = (key: keyof Sample, share: number) => {
        const sorted = taken.map((sample) => sample[key]).sort((a, b) => a - b);
        return Math.round(sorted[Math.ceil(sorted.length * share) - 1]!);
      };
      const table = Object.fromEntries(
        (['callMs', 'serverMs', 'ownMs'] as const).map((key) => [
          key,
          { p50: at(key, 0.5), p99: at(key, 0.99) },
        ]),
      ) as Record<keyof Sample, { p50: number; p99: number }>;
      const { callMs, serverMs, ownMs } = table;
      console.log(
        `Nacos ${version}, delay ${delayMs} ms, ${what}, n=${taken.length}: p50/p99 of the first call ${callMs.p50}/${callMs.p99} ms, of the server's push ${serverMs.p50}/${serverMs.p99} ms, from that to the call ${ownMs.p50}/${ownMs.p99} ms`,
      );
      // What is added to the server's own time, of which a subscriber that shares no code with podwire is the judge.
      expect(callMs.p50 - serverMs.p50).toBeLessThanOrEqual(50 + GAP_MS);
      expect(callMs.p99 - serverMs.p99).toBeLessThanOrEqual(150 + GAP_MS);
      expect(ownMs.p50).toBeLessThanOrEqual(50 + GAP_MS);
      expect(ownMs.p99).toBeLessThanOrEqual(150 + GAP_MS);
      // The server's own, but for a busy machine: the delay, and half of its tick on average.
      expect(callMs.p50).toBeLessThanOrEqual(delayMs + 50 + TICK_MS + GAP_MS);
    }
  });
});

/** All since the change, but the last. */
interface Sample {
  /** To the first call that knew it. */
  readonly callMs: number;
  /** To its push, as a subscriber without podwire got it. */
  readonly serverMs: number;
  /** From the push to the call. */
  readonly ownMs: number;
}

const sample = (changedMs: number, pushMs: number, knownMs: number): Sample => ({
  callMs: knownMs - changedMs,
  serverMs: pushMs - changedMs,
  ownMs: knownMs - pushMs,
});

async function poll<T>(look: () => T | undefined): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    await pause(5);
  }
}
