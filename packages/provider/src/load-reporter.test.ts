import { once } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import { VirtualClock } from '@podwire/core/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LoadReporter, loadReporter } from './load-reporter.ts';
import type { Usage } from './process-usage.ts';

const raw = (bytes: Buffer) => bytes;
const ECHO = '/shop.Orders/Get';
const REPORTS = '/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics';
const method = (path: string) => ({
  path,
  requestStream: false as const,
  responseStream: false as const,
  requestSerialize: raw,
  requestDeserialize: raw,
  responseSerialize: raw,
  responseDeserialize: raw,
});

let clock: VirtualClock;
let usage: Usage;
let load: LoadReporter;
let server: grpc.Server;
let client: grpc.Client;
let end: Partial<grpc.StatusObject> | null;

beforeEach(async () => {
  clock = new VirtualClock();
  usage = { cpuMs: 0, loopMs: 0 };
  end = null;
  load = loadReporter({ minIntervalMs: 5_000, clock, usage: () => usage });
  server = new grpc.Server({ interceptors: [load.interceptor] });
  server.addService({ get: method(ECHO) }, {
    get: (_call: unknown, callback: grpc.sendUnaryData<Buffer>) => callback(end, Buffer.from('reply')),
  } as unknown as grpc.UntypedServiceImplementation);
  load.addTo(server);
  const insecure = grpc.ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', insecure, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
});
afterEach(() => {
  client.close();
  server.forceShutdown();
});

/** Calls, and returns the reports in the trailers. */
function call(): Promise<Buffer[]> {
  return new Promise((resolve) => {
    client
      .makeUnaryRequest(ECHO, raw, raw, Buffer.from('x'), () => {})
      .on('status', ({ metadata }) => resolve(metadata.get('endpoint-load-metrics-bin') as Buffer[]));
  });
}

/** The doubles of a report, by field. */
function read(report: Buffer): Record<number, number> {
  const fields: Record<number, number> = {};
  for (let at = 0; at < report.length; ) {
    const tag = report[at]!;
    if ((tag & 7) === 1) fields[tag >> 3] = report.readDoubleLE(at + 1);
    at += (tag & 7) === 1 ? 9 : 2 + report[at + 1]!;
  }
  return fields;
}

test('each call carries what the server used in the second before, and how many calls it had', async () => {
  expect(await call()).toEqual([]);
  end = { code: grpc.status.INTERNAL };
  await call();
  end = { code: grpc.status.NOT_FOUND };
  await call();
  end = null;
  await clock.advance(2_000);
  usage = { cpuMs: 300, loopMs: 1_200 };
  const [report] = await call();
  // CPU, calls a second, errors a second, the application's own.
  expect(read(report!)).toEqual({ 1: 0.15, 6: 2, 7: 0.5, 9: 0.6 });
  usage = { cpuMs: 9_000, loopMs: 9_000 };
  expect(await call()).toEqual([report]);
});

test('a client that asks hears at the interval that it wants, but no more often than the server allows', async () => {
  // A duration of one second.
  const stream = client.makeServerStreamRequest(REPORTS, raw, raw, Buffer.from('0a020801', 'hex'));
  const seen: number[] = [];
  stream.on('data', (report: Buffer) => seen.push(read(report)[6]!)).on('error', () => {});
  await expect.poll(() => clock.pending).toBe(1);
  await call();
  await clock.advance(1_000);
  await expect.poll(() => seen).toEqual([1]);
  await clock.advance(4_999);
  await call();
  expect(seen.length).toBe(1);
  await clock.advance(1);
  await expect.poll(() => seen.length).toBe(2);
  expect(seen[1]).toBeCloseTo(0.2, 3);
  stream.cancel();
  await expect.poll(() => clock.pending).toBe(0);
});

test('the streams end when the server stops, so that it can', async () => {
  const stream = client.makeServerStreamRequest(REPORTS, raw, raw, Buffer.alloc(0));
  const ended = once(stream, 'error');
  stream.resume();
  await expect.poll(() => clock.pending).toBe(1);
  const stopped = new Promise((resolve) => server.tryShutdown(resolve));
  load.endStreams();
  expect((await ended)[0]).toMatchObject({ code: grpc.status.UNAVAILABLE });
  expect([await stopped, clock.pending]).toEqual([undefined, 0]);
});

test('wrong options are refused', () => {
  expect(() => loadReporter({ minIntervalMs: -1 })).toThrow(/^options\.minIntervalMs/);
  expect(() => loadReporter({ interval: 1 } as object)).toThrow(/^options\.interval/);
});

test('by default it is this process that is measured', async () => {
  const real = loadReporter();
  expect(typeof real.interceptor).toBe('function');
  const { processUsage } = await import('./process-usage.ts');
  const before = processUsage();
  for (let i = 0; i < 1e6; i++) Math.sqrt(i);
  const after = processUsage();
  expect(after.cpuMs).toBeGreaterThan(before.cpuMs);
  expect(after.loopMs).toBeGreaterThanOrEqual(before.loopMs);
});
