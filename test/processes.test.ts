import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ChannelOptions } from 'podwire';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { retries } from '../examples/demo/retries.mjs';
import { openChannel } from './support/channel.ts';
import { demoClient, startOpenLoad } from './support/demo-client.ts';
import { startOrdersServer } from './support/orders-server.ts';
import { makeDirectory, type Provider, startProvider } from './support/providers.ts';
import { until } from './support/until.ts';

let directory: ReturnType<typeof makeDirectory>;
let providers: Provider[] = [];

const open = (options?: ChannelOptions) => openChannel(`file://${directory.path}/#orders`, options);

async function start(count: number, ...options: '--stop-first'[]): Promise<Provider[]> {
  const started = await Promise.all(
    Array.from({ length: count }, () => startProvider(directory.path, 'orders', ...options)),
  );
  providers.push(...started);
  return started;
}

beforeEach(() => {
  directory = makeDirectory();
});
afterEach(async () => {
  await Promise.all(providers.map((provider) => provider.kill('SIGKILL')));
  providers = [];
  directory.remove();
});

describe('provider processes in the file registry', () => {
  test.each([[], ['--stop-first']] as '--stop-first'[][])(
    'are found, share the calls evenly, and are all replaced without a failed call %j',
    {
      timeout: 120_000,
    },
    async (...options) => {
      const old = await start(4, ...options);
      // Exact shares are the policy's alone: on a busy machine, a process may be silent for long enough to be suspect.
      const channel = open({ policy: 'round_robin', suspicion: false, outlierDetection: false });
      await until(() => channel.snapshot().pods.filter(({ state }) => state === 'ready').length === 4);
      await channel.ready();
      const load = startOpenLoad(demoClient(channel), 500);
      await until(() => load.done >= 400);
      const counts = channel.snapshot().pods.map(({ calls }) => calls);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      for (const provider of old) {
        const [next] = await start(1, ...options);
        await until(() => load.byPod.has(next!.address));
        await provider.kill('SIGTERM');
      }
      expect(await load.stop()).toEqual([]);
      await until(() => channel.snapshot().pods.filter(({ state }) => state === 'ready').length === 4);
    },
  );

  test('one killed with SIGKILL fails no more than the calls it had; with a retry policy none', {
    timeout: 60_000,
  }, async () => {
    const [victim] = await start(3);
    const plain = open({ policy: 'round_robin' });
    const safe = open({ policy: 'round_robin', serviceConfig: retries });
    await Promise.all([plain.ready(), safe.ready()]);
    // When the first call fails, the others that were on that Pod have not ended yet.
    let inFlight: number | undefined;
    const onFailure = () => {
      inFlight ??= 1 + plain.snapshot().pods.find(({ id }) => id === victim!.address)!.inFlight;
    };
    const loads = [
      startOpenLoad(demoClient(plain), 300, onFailure),
      startOpenLoad(demoClient(safe), 300),
    ] as const;
    await until(() => loads.every(({ done }) => done > 200));
    await victim!.kill('SIGKILL');
    const before = loads.map(({ done }) => done);
    await until(() => loads.every(({ done }, i) => done > before[i]! + 300));
    const [failed, failedSafe] = await Promise.all(loads.map((load) => load.stop()));
    expect(failed!.length).toBeLessThanOrEqual(inFlight ?? 0);
    expect(failedSafe!.filter((message) => !message.includes('after its reply began'))).toEqual([]);
    await until(() => plain.snapshot().pods.length === 2);
  });

  test('the last one leaving is noticed, and the next one found', { timeout: 30_000 }, async () => {
    const [only] = await start(1);
    const channel = open({ name: 'orders' });
    await channel.ready();
    await only!.kill('SIGTERM');
    await until(() => channel.snapshot().state === 'empty');
    const failed = await new Promise<Error | null>((resolve) => demoClient(channel).get({ id: '' }, resolve));
    expect(failed).toMatchObject({ code: 14, reason: 'NO_ENDPOINTS' });
    await start(1);
    await channel.ready();
  });
});

describe('a process', () => {
  const script = (body: string) =>
    `import * as grpc from '@grpc/grpc-js'; import * as podwire from 'podwire';
     const transport = process.env.PODWIRE_TEST_TRANSPORT;
     const createChannel = (target) => podwire.createChannel(target, transport === undefined ? {} : { transport });
     const define = (path) => ({ path, requestStream: false, responseStream: false,
       requestSerialize: (b) => b, requestDeserialize: (b) => b, responseSerialize: (b) => b, responseDeserialize: (b) => b });
     const Client = grpc.makeGenericClientConstructor({ Get: define('/podwire.test.Orders/Get') }, 'Orders');
     ${body}`;
  /** Runs a script beside a server in this process; resolves to its exit code and what it printed. */
  const run = async (body: (address: string) => string) => {
    const server = await startOrdersServer();
    const child = spawn(process.execPath, ['--input-type=module', '-e', script(body(server.address))], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    await server.stop();
    return [code, text];
  };

  test('ends by itself while a channel is idle, and not before its calls', async () => {
    const outcome = await run(
      (address) => `const channel = createChannel('static:///${address}');
        new Client('orders', null, { channelOverride: channel }).Get(Buffer.alloc(0), (error) => {
          console.log(error === null ? 'answered' : error.message); });`,
    );
    expect(outcome).toEqual([0, 'answered\n']);
  });

  test('waits for its channel to be ready', async () => {
    const outcome = await run(
      (address) => `const channel = createChannel('static:///${address}');
        await channel.ready();
        console.log('ready');
        await channel.close();`,
    );
    expect(outcome).toEqual([0, 'ready\n']);
  });

  test('waits for a change of mode that it asked for', async () => {
    const outcome = await run(
      () => `const mesh = { address: '127.0.0.1:2' };
        const channel = podwire.createChannel('static:///127.0.0.1:1', { mesh });
        let tries = 0;
        channel.events.on('pod', ({ id, state }) => {
          if (id === mesh.address && state === 'connecting' && ++tries === 2) void channel.close(); });
        await channel.setMode('mesh').catch((error) => console.log(error.message));`,
    );
    expect(outcome).toEqual([0, 'the switch to mesh was given up: the channel was closed\n']);
  });

  test('has no handle, timer or socket left after close', async () => {
    const outcome = await run(
      (address) => `const channel = createChannel('static:///${address}');
        const call = (options) => new Promise((done) =>
          new Client('', null, { channelOverride: channel }).Get(Buffer.alloc(0), options, done));
        await call({ deadline: Date.now() + 60_000 });
        await channel.close();
        await new Promise((done) => setImmediate(() => setImmediate(done)));
        const ours = /^(TCP|TLS|Timeout|GetAddrInfo|FSEvent|StatWatcher|Http2)/;
        console.log(JSON.stringify(process.getActiveResourcesInfo().filter((name) => ours.test(name))));`,
    );
    expect(outcome).toEqual([0, '[]\n']);
  });
});
