import * as grpc from '@grpc/grpc-js';
import { serve } from '@podwire/provider';
import { dubboService, nacos } from '@podwire/registry-nacos';
import { createChannel } from 'podwire';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startDubboProvider } from '../servers/dubbo-go.mjs';
import { type Nacos, startNacos } from '../servers/nacos.mjs';
import { echoClient, echoServer, echoService, getEcho } from '../support/echo.ts';
import { oneNacosVersion } from '../support/nacos.ts';

const CALLS_PER_SECOND = 500;
let server: Nacos;
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  // The delay that Nacos has unless it is told otherwise: the time in which dubbo-go's Pods are listed, and refuse.
  server = await startNacos({ version: oneNacosVersion });
});
afterAll(() => server?.close());
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

interface Pod {
  leave(): Promise<unknown>;
}

async function podwirePod(name: string, service: string): Promise<Pod> {
  const provider = await serve(echoServer(name), {
    address: '127.0.0.1:0',
    credentials: grpc.ServerCredentials.createInsecure(),
    registry: nacos({ servers: [server.address] }),
    service,
    signals: [],
    noticeMs: 1_500,
  });
  cleanups.push(() => provider.drain());
  return { leave: () => provider.drain() };
}

async function dubboPod(
  name: string,
  mode: 'interface' | 'service',
  app: string,
  version: string,
): Promise<Pod> {
  const provider = await startDubboProvider({ nacos: server.address, pod: name, mode, app, version });
  cleanups.push(() => provider.stop());
  return { leave: () => provider.stop('SIGTERM') };
}

test.each([
  ['interface', 'dubbo=interface&version=6.0.0', undefined],
  ['service', 'dubbo=application&version=6.0.0', 'mixed'],
] as const)(
  'a mixed fleet, found by %s, is replaced under load: no call fails',
  {
    timeout: 120_000,
  },
  async (mode, query, application) => {
    const version = '6.0.0';
    const service = dubboService(
      echoService,
      application === undefined ? { version } : { application, version },
    );
    const start = (name: string) =>
      name.startsWith('go')
        ? dubboPod(name, mode, application ?? 'mixed-interface', version)
        : podwirePod(name, service);
    let fleet = await Promise.all(['go-1', 'node-1', 'go-2', 'node-2'].map(start));
    const registries = [nacos({ servers: [server.address] })];
    const channel = createChannel(`nacos:///podwire.test.Echo?${query}`, { registries });
    cleanups.push(() => channel.close());
    await expect
      .poll(() => channel.snapshot().pods.filter(({ state }) => state === 'ready').length, {
        timeout: 20_000,
      })
      .toBe(4);
    const client = echoClient(channel);
    const answered = new Map<string, number>();
    const failures: string[] = [];
    const open = new Set<Promise<void>>();
    let sent = 0;
    const startedMs = performance.now();
    const timer = setInterval(() => {
      for (const due = ((performance.now() - startedMs) * CALLS_PER_SECOND) / 1_000; sent < due; sent++) {
        const call: Promise<void> = getEcho(client).then(
          (text) => {
            const pod = text.split(' ')[0]!;
            answered.set(pod, (answered.get(pod) ?? 0) + 1);
          },
          (error: Error) => void failures.push(error.message),
        );
        open.add(call);
        void call.finally(() => open.delete(call));
      }
    }, 5);
    try {
      const next = ['go-3', 'node-3', 'go-4', 'node-4'];
      for (const [i, name] of next.entries()) {
        const joined = await start(name);
        // As a rolling update waits for the new Pod before it stops an old one.
        await expect.poll(() => answered.get(name) ?? 0, { timeout: 20_000 }).toBeGreaterThan(0);
        await fleet[i]!.leave();
        fleet = [...fleet, joined];
      }
      answered.clear();
      await expect.poll(() => [...answered.keys()].sort(), { timeout: 20_000 }).toEqual(next.sort());
    } finally {
      clearInterval(timer);
    }
    await Promise.all(open);
    expect(failures).toEqual([]);
  },
);
