import type { FakeCall, FakePod } from '@podwire/http2/testing';
import { ScriptedRegistry } from '@podwire/registry/testing';
import { expect, test, vi } from 'vitest';
import type { ChannelOptions } from '../../packages/client/src/options/channel-options.ts';
import { parseOptions } from '../../packages/client/src/options/settings.ts';
import { counted, fleet } from './fleet.ts';

const PODS = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'] as const;
const [A, B, C] = PODS;
const PATH = '/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics';
const TIMES = { blackoutPeriod: '1s', weightExpirationPeriod: '10s' };

/** An `OrcaLoadReport`: field 1 is CPU, 6 calls a second; both are doubles. */
function report(cpu: number, callsPerSecond = 100): Buffer {
  const bytes = Buffer.alloc(18);
  bytes[0] = 0x09;
  bytes.writeDoubleLE(cpu, 1);
  bytes[9] = 0x31;
  bytes.writeDoubleLE(callsPerSecond, 10);
  return bytes;
}

/** Answers calls, with a report in the trailers. */
function reportsPerCall(pod: FakePod, cpu: number | undefined) {
  pod.onCall = (call) => {
    call.onHalfClose = () => {
      call.reply(Buffer.from(pod.address));
      const trailers = cpu === undefined ? [] : ['endpoint-load-metrics-bin', report(cpu).toString('base64')];
      call.end(0, undefined, trailers);
    };
  };
}

/** Keeps the streams on which reports are asked for apart from calls. */
function reportsApart(pod: FakePod): FakeCall[] {
  const streams: FakeCall[] = [];
  const serve = pod.onCall;
  pod.onCall = (call) => (call.path === PATH ? void streams.push(call) : serve(call));
  return streams;
}

const policy = (options: object = TIMES): ChannelOptions => ({ policy: { weighted_round_robin: options } });
/** Pods at 0.2 and 0.4 of their CPU; one is silent and gets the mean. */
const SHARES = { [A]: 160, [B]: 80, [C]: 120 };

function within(shares: Readonly<Record<string, number>>, counts: Readonly<Record<string, number>>): void {
  for (const [pod, share] of Object.entries(shares)) {
    expect(counts[pod], pod).toBeGreaterThanOrEqual(0.97 * share);
    expect(counts[pod], pod).toBeLessThanOrEqual(1.03 * share);
  }
}

test('Pods get calls by the load that they report with calls, and a silent one the mean', async () => {
  const at = await fleet(PODS, {}, policy());
  const { clock, pod, calls, close } = at;
  for (const [i, cpu] of [0.2, 0.4, undefined].entries()) reportsPerCall(pod(PODS[i]!), cpu);
  expect(counted(await calls(30))).toEqual({ [A]: 10, [B]: 10, [C]: 10 });
  await clock.advance(2_000);
  within(SHARES, counted(await calls(360)));
  expect(await close()).toBe(0);
});

test('and by what they report apart from calls, also while there are none', async () => {
  const streams: FakeCall[][] = [];
  const options = policy({ ...TIMES, enableOobLoadReport: true, oobReportingPeriod: '2s' });
  const at = await fleet(PODS, {}, options, (transport) => {
    for (const address of PODS) streams.push(reportsApart(transport.pod(address)));
  });
  const { clock, channel, calls, close } = at;
  // A duration of two seconds.
  expect(streams.map(([stream]) => stream?.messages[0]?.toString('hex'))).toEqual(Array(3).fill('0a020802'));
  for (let second = 0; second < 3; second++) {
    streams[0]![0]!.reply(report(0.2));
    streams[1]![0]!.reply(report(0.4));
    await clock.advance(1_000);
  }
  expect(channel.snapshot()).toMatchObject({
    calls: { open: 0 },
    pods: Array(3).fill({ inFlight: 0, calls: 0 }),
  });
  within(SHARES, counted(await calls(360)));
  expect(await close()).toBe(0);
});

test('while fewer than two report, and once reports have expired, the weights are those of the registry', async () => {
  const { clock, pod, calls, close } = await fleet(PODS, {}, policy());
  reportsPerCall(pod(A), 0.2);
  await calls(3);
  await clock.advance(2_000);
  expect(counted(await calls(30))).toEqual({ [A]: 10, [B]: 10, [C]: 10 });
  reportsPerCall(pod(B), 0.4);
  await calls(3);
  await clock.advance(2_000);
  within(SHARES, counted(await calls(360)));
  for (const address of PODS) reportsPerCall(pod(address), undefined);
  await clock.advance(11_000);
  expect(counted(await calls(30))).toEqual({ [A]: 10, [B]: 10, [C]: 10 });
  expect(await close()).toBe(0);
});

test('reports take the place of weights in the registry, except of a weight of 0', async () => {
  const registry = new ScriptedRegistry();
  const at = await fleet(PODS, {}, { ...policy(), registries: [registry] });
  const { clock, pod, calls, close } = at;
  for (const [i, cpu] of [0.2, 0.4, 0.1].entries()) reportsPerCall(pod(PODS[i]!), cpu);
  const weigh = (...weights: number[]) =>
    registry.reset(...PODS.map((address, i) => ({ address, weight: weights[i] })));
  weigh(1, 8, 1);
  await clock.advance(200);
  expect(counted(await calls(100))).toEqual({ [A]: 10, [B]: 80, [C]: 10 });
  await clock.advance(2_000);
  within({ [A]: 100, [B]: 50, [C]: 200 }, counted(await calls(350)));
  weigh(5, 8, 0);
  await clock.advance(200);
  within({ [A]: 200, [B]: 100 }, counted(await calls(300)));
  expect(await close()).toBe(0);
});

test('another policy takes the weights back, and ends the streams', async () => {
  const streams: FakeCall[] = [];
  const at = await fleet(PODS, {}, policy({ ...TIMES, enableOobLoadReport: true }), (transport) => {
    for (const address of PODS) streams.push(...[reportsApart(transport.pod(address))].flat());
  });
  const { clock, channel, pod, calls, close } = at;
  const open = PODS.flatMap((address) => pod(address).calls.filter(({ path }) => path === PATH));
  expect(open.length).toBe(3);
  for (const [i, stream] of open.entries()) stream.reply(report(0.1 * (i + 1)));
  await clock.advance(2_000);
  expect(counted(await calls(330))[C]).toBeLessThan(70);
  channel.apply(parseOptions({ name: 'orders', policy: 'random' }));
  await clock.advance(100);
  expect(open.map(({ resetCode }) => resetCode)).toEqual([8, 8, 8]);
  expect(counted(await calls(330))[C]).toBeGreaterThan(70);
  expect(await close()).toBe(0);
});

test('a server without the service is told of once, and keeps the mean', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const at = await fleet(PODS, {}, policy({ ...TIMES, enableOobLoadReport: true }), (transport) => {
    for (const address of PODS) {
      const pod = transport.pod(address);
      const serve = pod.onCall;
      pod.onCall = (call) => (call.path === PATH ? call.end(12) : serve(call));
    }
  });
  const { clock, pod, calls, close } = at;
  await clock.advance(300_000);
  expect(counted(await calls(30))).toEqual({ [A]: 10, [B]: 10, [C]: 10 });
  expect(pod(A).calls.filter(({ path }) => path === PATH).length).toBe(1);
  expect(warned.mock.calls.map(([, options]) => options)).toEqual([{ code: 'PODWIRE_NO_LOAD_REPORTS' }]);
  warned.mockRestore();
  expect(await close()).toBe(0);
});

test('reports that are none change nothing', async () => {
  const { clock, pod, calls, close } = await fleet([A, B], {}, policy());
  const broken = ['%%%', 'CQ==', report(Number.NaN).toString('base64'), report(1e308).toString('base64')];
  for (const address of [A, B])
    pod(address).onCall = (call) => {
      call.onHalfClose = () => {
        call.reply(Buffer.from(address));
        call.end(0, undefined, [
          'endpoint-load-metrics-bin',
          broken[pod(address).calls.length % broken.length]!,
        ]);
      };
    };
  for (let round = 0; round < 4; round++) {
    expect(counted(await calls(20))).toEqual({ [A]: 10, [B]: 10 });
    await clock.advance(1_000);
  }
  expect(await close()).toBe(0);
});
