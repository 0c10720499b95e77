import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect } from 'vitest';
import type { Reply } from './client.ts';
import { output } from './payloads.ts';
import type { InteropCase } from './peer.ts';

interface LoadReport {
  readonly cpuUtilization: number;
  readonly memUtilization: number;
  readonly requestCost: Readonly<Record<string, number>>;
  readonly utilization: Readonly<Record<string, number>>;
}
interface ReportClient extends grpc.Client {
  streamCoreMetrics(request: object): grpc.ClientReadableStream<LoadReport>;
}

const path = fileURLToPath(new URL('orca.proto', import.meta.url));
const { xds } = grpc.loadPackageDefinition(loadSync(path, { defaults: true })) as unknown as {
  xds: { service: { orca: { v3: { OpenRcaService: grpc.ServiceClientConstructor } } } };
};
const { OpenRcaService } = xds.service.orca.v3;
const readReport = OpenRcaService.service.StreamCoreMetrics!.responseDeserialize as (
  bytes: Buffer,
) => LoadReport;

const sent = (cpu: number, memory: number, util: number) => ({
  cpuUtilization: cpu,
  memoryUtilization: memory,
  utilization: { util },
});
const received = (cpu: number, memory: number, util: number) => ({
  cpuUtilization: cpu,
  memUtilization: memory,
  requestCost: {},
  utilization: { util },
});

/**
 * Load reports of servers (gRFC A51). The descriptions ask for them through a balancer of the client; podwire's policies do not
 * use them, so what is shown is that its calls carry them: as a trailer, and as the stream of the reporting service.
 */
export const orcaCases: Readonly<Record<string, InteropCase>> = {
  async orca_per_rpc({ client }) {
    const orcaPerQueryReport = { ...sent(0.821, 0.5847, 0.30499), requestCost: { cost: 3456.32 } };
    const status = await new Promise<grpc.StatusObject>((resolve, reject) => {
      const unary = client.unaryCall({ orcaPerQueryReport }, new grpc.Metadata(), {}, (error) => {
        if (error !== null) reject(error);
      });
      unary.on('status', resolve);
    });
    const [report] = status.metadata.get('endpoint-load-metrics-bin');
    expect(readReport(report as Buffer)).toEqual({
      ...received(0.821, 0.5847, 0.30499),
      requestCost: { cost: 3456.32 },
    });
  },

  async orca_oob({ client, open }) {
    const channel = open();
    const service = new OpenRcaService('interop', grpc.credentials.createInsecure(), {
      channelOverride: channel,
    }) as unknown as ReportClient;
    const reports = service.streamCoreMetrics({ reportInterval: { seconds: 0, nanos: 10_000_000 } });
    let last: LoadReport | undefined;
    reports.on('data', (report: LoadReport) => {
      last = report;
    });
    reports.on('error', () => {});
    const stream = client.fullDuplexCall();
    const replies: Reply[] = [];
    stream.on('data', (reply: Reply) => replies.push(reply));
    const figures: [number, number, number][] = [
      [0.821, 0.5847, 0.30499],
      [0.29309, 0.2, 0.2039],
    ];
    for (const [i, load] of figures.entries()) {
      stream.write({ ...output(1), orcaOobReport: sent(...load) });
      await expect.poll(() => replies.length, { timeout: 10_000 }).toBe(i + 1);
      await expect.poll(() => last, { timeout: 10_000 }).toEqual(received(...load));
    }
    stream.end();
    reports.cancel();
    await channel.close({ graceMs: 0 });
  },
};
