import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ownHttp2Transport, type Transport } from '@podwire/http2';
import { type NacosOptions, nacos } from '@podwire/registry-nacos';
import { createChannel, type PodwireChannel } from 'podwire';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cutOff, letThrough } from '../servers/firewall.mjs';
import { type Nacos, startNacos } from '../servers/nacos.mjs';
import { demoClient, type OpenLoad, startOpenLoad } from '../support/demo-client.ts';
import { Cleanup, nacosVersions, newService, pods } from '../support/nacos.ts';
import { type Provider, startNacosProvider } from '../support/providers.ts';
import { Relay } from '../support/relay.ts';

/** How long the registry is away: PODWIRE_NACOS_FAULT_MS=60000 for the long version, on all servers. */
const FAULT_MS = Number(process.env.PODWIRE_NACOS_FAULT_MS ?? 3_000);
/** A silent connection is noticed by the health check, which is sent every 5 s and has 3 s to be answered. */
const SILENT_MS = Math.max(FAULT_MS, 12_000);
/** The short version takes one server, the one that starts sooner. */
const versions = process.env.PODWIRE_NACOS_FAULT_MS === undefined ? nacosVersions.slice(0, 1) : nacosVersions;
const CALLS_PER_SECOND = 500;
const BACK_MS = 2_000;
const TIMEOUT_MS = SILENT_MS + 120_000;

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** Counts what is asked of the registry. */
function counting(): Transport & { connects: number; lists: number } {
  const counted = {
    name: ownHttp2Transport.name,
    connects: 0,
    lists: 0,
    connect(...args: Parameters<Transport['connect']>) {
      counted.connects += 1;
      const connection = ownHttp2Transport.connect(...args);
      const open = connection.open.bind(connection);
      connection.open = (...head) => {
        const stream = open(...head);
        const send = stream?.sendMessage.bind(stream);
        if (stream !== undefined && send !== undefined) {
          stream.sendMessage = (message, ...rest) => {
            if (/SubscribeServiceRequest|ServiceQueryRequest/.test(String(message))) counted.lists += 1;
            send(message, ...rest);
          };
        }
        return stream;
      };
      return connection;
    },
  };
  return counted;
}

interface Fleet {
  readonly service: string;
  readonly providers: Provider[];
  readonly channel: PodwireChannel;
  readonly load: OpenLoad;
  readonly transport: ReturnType<typeof counting>;
  /** One Pod leaves as in a roll-out, and another one comes. */
  replace(): Promise<Provider>;
  /** How long until the Pod answers a call. */
  used(pod: Provider, sinceMs: number): Promise<number>;
}

describe.each(versions)('Nacos %s', (version) => {
  let server: Nacos;
  beforeAll(async () => {
    server = await startNacos({ version });
  }, 180_000);
  afterAll(() => server?.close());

  /** Four Pods under load; `addresses` is where each sees Nacos. */
  async function startFleet(addresses: readonly string[]): Promise<Fleet> {
    const service = newService();
    const providers: Provider[] = [];
    const start = async (address: string) => {
      const provider = await startNacosProvider(address, service);
      cleanup.add(() => provider.kill('SIGKILL'));
      return provider;
    };
    providers.push(...(await Promise.all(addresses.map(start))));
    const transport = counting();
    const options: NacosOptions = { servers: [server.address], transport };
    const channel = createChannel(`nacos:///${service}`, { registries: [nacos(options)] });
    cleanup.add(() => channel.close({ graceMs: 0 }));
    await channel.ready();
    await expect.poll(() => pods(channel), { timeout: 10_000 }).toHaveLength(4);
    const load = startOpenLoad(demoClient(channel), CALLS_PER_SECOND);
    cleanup.add(() => load.stop());
    await expect.poll(() => load.byPod.size, { timeout: 10_000 }).toBe(4);
    return {
      service,
      providers,
      channel,
      load,
      transport,
      async replace() {
        const gone = providers.shift()!.kill('SIGTERM');
        const comes = await start(addresses[0]!);
        providers.push(comes);
        await gone;
        return comes;
      },
      async used(pod, sinceMs) {
        await expect
          .poll(() => load.byPod.get(pod.address) ?? 0, { timeout: 30_000, interval: 10 })
          .toBeGreaterThan(0);
        return performance.now() - sinceMs;
      },
    };
  }

  const four = () => Array.from({ length: 4 }, () => server.address);

  interface Outage {
    readonly awayMs?: number;
    leave(): unknown;
    come(): unknown;
    /** What the registry goes through before it is as it was. */
    recover?(fleet: Fleet): Promise<void>;
  }

  /** The registry is away, a Pod is replaced meanwhile, and the registry comes back. */
  async function survives(addresses: readonly string[], outage: Outage): Promise<void> {
    const { awayMs = FAULT_MS, leave, come, recover } = outage;
    const fleet = await startFleet(addresses);
    const { transport, load, channel } = fleet;
    const startedMs = performance.now();
    await leave();
    const [lists, connects] = [transport.lists, transport.connects];
    const comes = await fleet.replace();
    await pause(awayMs - (performance.now() - startedMs));
    expect(load.byPod.get(comes.address)).toBeUndefined();
    await come();
    const backMs = performance.now();
    const usedMs = await fleet.used(comes, backMs);
    await recover?.(fleet);
    const living = fleet.providers.map(({ address }) => address).sort();
    await expect.poll(() => pods(channel), { timeout: 10_000 }).toEqual(living);
    const failures = await load.stop();
    const [asked, tries] = [transport.lists - lists, transport.connects - connects];
    console.log(
      `Nacos ${version}: away for ${Math.round((backMs - startedMs) / 1_000)} s; ${load.done} calls, ${failures.length} failed; the new Pod in use ${Math.round(usedMs)} ms after the registry was back; ${asked} lists in ${tries} connections`,
    );
    expect(failures).toEqual([]);
    expect(usedMs).toBeLessThanOrEqual(BACK_MS);
    // On the connection that was set up in the end, whatever was tried before; and on the one that had ended already, where the
    // list is asked for every 30 s.
    expect(asked).toBeLessThanOrEqual(2);
  }

  test('killed, and restarted with what it had', { timeout: TIMEOUT_MS }, () =>
    survives(four(), { leave: () => server.stop(), come: () => server.start() }),
  );

  test('stopped with SIGSTOP', { timeout: TIMEOUT_MS }, async () => {
    const come = () => server.signal('SIGCONT');
    cleanup.add(come);
    await survives(four(), { awayMs: SILENT_MS, leave: () => server.signal('SIGSTOP'), come });
  });

  test('cut off by a firewall that drops packets', { timeout: TIMEOUT_MS }, async () => {
    // Where Nacos speaks gRPC.
    const port = server.port + 1_000;
    const come = () => letThrough(port);
    cleanup.add(come);
    await survives(four(), { awayMs: SILENT_MS, leave: () => cutOff(port), come });
  });

  test('restarted with a wiped store', { timeout: TIMEOUT_MS }, () =>
    survives(four(), {
      async leave() {
        await server.stop();
        server.wipe();
      },
      come: () => server.start(),
    }),
  );

  test('restarted, and for a while it knows 1 of 4 Pods', { timeout: TIMEOUT_MS }, async () => {
    const relays = await Promise.all(Array.from({ length: 3 }, () => new Relay(server.port + 1_000).open()));
    for (const relay of relays) cleanup.add(() => relay.close());
    // The Pod that is replaced, and that which comes, see Nacos itself.
    const addresses = [server.address, ...relays.map(({ port }) => `127.0.0.1:${port - 1_000}`)];
    await survives(addresses, {
      async leave() {
        await server.stop();
        for (const relay of relays) relay.close();
      },
      come: () => server.start(),
      async recover({ channel, load, providers }) {
        const held = () => channel.snapshot().registry?.held?.ids.length;
        await expect.poll(held, { timeout: 10_000 }).toBe(3);
        const before = new Map(load.byPod);
        const called = (of: Provider) => load.byPod.get(of.address)! - (before.get(of.address) ?? 0);
        const least = () => Math.min(...providers.map(called));
        await expect.poll(least, { timeout: 10_000 }).toBeGreaterThan(CALLS_PER_SECOND / 4);
        for (const relay of relays) await relay.open();
        await expect.poll(held, { timeout: 10_000 }).toBeUndefined();
      },
    });
  });

  test('a cold start while it is down is served from the snapshot on disk', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'podwire-snapshots-'));
    cleanup.add(() => rmSync(directory, { recursive: true, force: true }));
    const { service, channel, load, providers } = await startFleet(four());
    await load.stop();
    await channel.close({ graceMs: 0 });
    const open = () => {
      const registries = [nacos({ servers: [server.address] })];
      const opened = createChannel(`nacos:///${service}`, { registries, snapshotDir: directory });
      cleanup.add(() => opened.close({ graceMs: 0 }));
      return opened;
    };
    const warm = open();
    await expect.poll(() => pods(warm), { timeout: 10_000 }).toHaveLength(4);
    await warm.close();
    await server.stop();
    const cold = open();
    const startedMs = performance.now();
    await cold.ready();
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    expect(cold.snapshot().registry?.source).toBe('snapshot');
    const calls = startOpenLoad(demoClient(cold), CALLS_PER_SECOND);
    await expect
      .poll(() => [...calls.byPod.keys()].sort())
      .toEqual(providers.map(({ address }) => address).sort());
    await server.start();
    await expect.poll(() => cold.snapshot().registry?.source, { timeout: 5_000 }).toBe('registry');
    expect(await calls.stop()).toEqual([]);
  });
});
