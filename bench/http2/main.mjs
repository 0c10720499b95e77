// CPU per call of the bare transports, without the client above them: node bench/http2/main.mjs [--rounds N] [--ms N] [--workload NAME] [--profile]
// Each measurement runs in a process of its own, in turn, against one echo server.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { startBackend } from '../backend.mjs';
import { median } from '../median.mjs';
import { workloads } from './workloads.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    ms: { type: 'string', default: '2000' },
    transport: { type: 'string', multiple: true, default: ['http2', 'node-http2'] },
    workload: { type: 'string', multiple: true, default: Object.keys(workloads) },
  },
});

const run = promisify(execFile);
const worker = fileURLToPath(new URL('worker.mjs', import.meta.url));
const backend = await startBackend(4);
console.log('workload           transport     CPU µs/call   calls/s   bytes/call   ratio of CPU');
for (const workload of values.workload) {
  const samples = Object.fromEntries(values.transport.map((name) => [name, []]));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const name of values.transport) {
      const { stdout } = await run(process.execPath, [
        '--expose-gc',
        worker,
        name,
        workload,
        values.ms,
        ...backend.addresses,
      ]);
      samples[name].push(JSON.parse(stdout));
    }
  }
  const cpuOf = (name) => median(samples[name].map(({ cpuUs }) => cpuUs));
  for (const name of values.transport) {
    const perSecond = Math.round(median(samples[name].map((sample) => sample.perSecond)));
    const bytes = Math.round(median(samples[name].map((sample) => sample.bytes)));
    console.log(
      [
        workload.padEnd(18),
        name.padEnd(13),
        cpuOf(name).toFixed(1).padStart(11),
        String(perSecond).padStart(9),
        String(bytes).padStart(12),
        (cpuOf(name) / cpuOf(values.transport.at(-1))).toFixed(2).padStart(14),
      ].join(' '),
    );
  }
}
backend.stop();
