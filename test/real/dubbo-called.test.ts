import * as grpc from '@grpc/grpc-js';
import { type ServeOptions, serve } from '@podwire/provider';
import { toEndpoint } from '@podwire/registry';
import { dubboService, nacos } from '@podwire/registry-nacos';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type DubboOptions, startDubboConsumer, startDubboProvider } from '../servers/dubbo-go.mjs';
import { type Nacos, startNacos } from '../servers/nacos.mjs';
import { eachKindFrom, echoServer, echoService } from '../support/echo.ts';
import { oneNacosVersion } from '../support/nacos.ts';

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
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function provide(pod: string, service: string, options: Partial<ServeOptions> = {}) {
  const provider = await serve(echoServer(pod), {
    address: '127.0.0.1:0',
    credentials: grpc.ServerCredentials.createInsecure(),
    registry: nacos({ servers: [server.address] }),
    service,
    signals: [],
    noticeMs: 500,
    graceMs: 2_000,
    ...options,
  });
  cleanups.push(() => provider.drain());
  return provider;
}

async function consume(options: Partial<DubboOptions> = {}) {
  const consumer = await startDubboConsumer({ nacos: server.address, ...options });
  cleanups.push(() => consumer.stop());
  return consumer;
}

const byApplication = { application: 'echo-by-podwire', version: '4.0.0', group: 'g' };

test.each<[string, Parameters<typeof dubboService>[1], Partial<DubboOptions>]>([
  ['by interface', {}, { mode: 'interface' }],
  [
    'by interface, with a version and a group',
    { version: '1.0.0', group: 'g' },
    { mode: 'interface', version: '1.0.0', group: 'g' },
  ],
  ['by application, its default', byApplication, { version: '4.0.0', group: 'g' }],
])("dubbo-go's consumer finds and calls podwire's providers %s", async (_name, as, options) => {
  const service = dubboService(echoService, as);
  await provide('node-1', service);
  const consumer = await consume(options);
  expect(consumer.kinds).toEqual(eachKindFrom('node-1'));
  const second = await provide('node-2', service);
  await expect.poll(() => Object.keys(consumer.calls().answered), { timeout: 15_000 }).toContain('node-2');
  // It is told before the Pod stops: no call is lost.
  await second.drain();
  await expect
    .poll(() => consumer.calls(), { timeout: 15_000 })
    .toMatchObject({ answered: { 'node-1': expect.any(Number) }, failed: {} });
});

test("Pods of podwire and of dubbo-go are one service to dubbo-go's consumer", async () => {
  const names = { application: 'mixed', version: '5.0.0' };
  const provider = await startDubboProvider({
    ...{ nacos: server.address, pod: 'go-1', app: 'mixed', version: '5.0.0' },
  });
  cleanups.push(() => provider.stop());
  const consumer = await consume({ version: '5.0.0' });
  expect(consumer.kinds).toEqual(eachKindFrom('go-1'));
  await provide('node-1', dubboService(echoService, names));
  await expect
    .poll(() => Object.keys(consumer.calls().answered).sort(), { timeout: 15_000 })
    .toEqual(['go-1', 'node-1']);
  await provider.stop('SIGTERM');
  await expect.poll(() => Object.keys(consumer.calls().answered), { timeout: 15_000 }).toEqual(['node-1']);
});

test('the mapping keeps every application, written at the same time or overwritten', async () => {
  const at = `${server.url}/v1/cs/configs?dataId=shop.Orders&group=mapping`;
  const mapped = async () => (await (await fetch(at)).text()).split(',').sort();
  const apps = ['a', 'b', 'c', 'd', 'e', 'f'];
  for (const [i, app] of apps.entries()) {
    // Options that differ make connections that differ, as those of other processes.
    const registry = nacos({ servers: [server.address], requestTimeoutMs: 3_000 + i });
    cleanups.push(async () => registry.close?.());
    cleanups.push(async () => (await announced).withdraw());
    const target = `shop.Orders?dubbo=application&application=${app}&methods=Get`;
    const announced = registry.announce(target, toEndpoint({ address: `127.0.0.1:${9000 + i}` }));
  }
  await expect.poll(mapped, { timeout: 20_000 }).toEqual(apps);
  await fetch(`${at}&content=other`, { method: 'POST' });
  await expect.poll(mapped, { timeout: 10_000 }).toEqual([...apps, 'other']);
});
