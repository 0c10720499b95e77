// CPU per call, calls a second and latency of podwire, grpc-js and bare node:http2, in one run on the same backends.
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { startBackend } from './backend.mjs';
import { formatSvg, formatTable } from './report.mjs';
import { workloads } from './workloads.mjs';

const CLIENTS = ['podwire', 'podwire-http2', 'grpc-js', 'node-http2'];
const HELP = `usage: npm run bench -- [options]

  --rounds N        measurements of each client and workload; the median counts (5)
  --ms N            length of one measurement (2000)
  --workload NAME   one of: ${Object.keys(workloads).join(', ')}; may be repeated (all)
  --client NAME     one of: ${CLIENTS.join(', ')}; may be repeated (all)
  --json            print the results as JSON instead of a table
  --help

Results are written to bench/results/ as JSON and SVG. Ratios are to grpc-js. Nothing else should run meanwhile.
`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    ms: { type: 'string', default: '2000' },
    workload: { type: 'string', multiple: true, default: Object.keys(workloads) },
    client: { type: 'string', multiple: true, default: CLIENTS },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit();
}
for (const name of values.workload) if (!(name in workloads)) fail(`unknown workload '${name}'`);
for (const name of values.client) if (!CLIENTS.includes(name)) fail(`unknown client '${name}'`);

function fail(message) {
  process.stderr.write(`${message}\n\n${HELP}`);
  process.exit(2);
}

const run = promisify(execFile);
const worker = fileURLToPath(new URL('worker.mjs', import.meta.url));
const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

const backend = await startBackend(4);
const samples = {};
const total = Number(values.rounds) * values.workload.length * values.client.length;
let done = 0;
for (let round = 0; round < Number(values.rounds); round++) {
  for (const workload of values.workload) {
    // In turn, so that whatever disturbs the machine disturbs all of them.
    for (const client of values.client) {
      const { stdout } = await run(process.execPath, [
        worker,
        client,
        workload,
        values.ms,
        ...backend.addresses,
      ]);
      samples[workload] ??= {};
      samples[workload][client] ??= [];
      samples[workload][client].push(JSON.parse(stdout));
      done += 1;
      if (process.stderr.isTTY) process.stderr.write(`\r${done}/${total} ${client} ${workload}`.padEnd(60));
    }
  }
}
backend.stop();
if (process.stderr.isTTY) process.stderr.write(`\r${' '.repeat(60)}\r`);

const results = {};
for (const [workload, clients] of Object.entries(samples)) {
  results[workload] = { title: workloads[workload].title, clients: {} };
  for (const [client, runs] of Object.entries(clients)) {
    const of = (key) => (runs[0][key] === undefined ? undefined : median(runs.map((sample) => sample[key])));
    results[workload].clients[client] = {
      cpuUs: of('cpuUs'),
      perSecond: of('perSecond'),
      p50Ms: of('p50Ms'),
      p99Ms: of('p99Ms'),
    };
  }
}
const report = {
  date: new Date().toISOString(),
  node: process.version,
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  rounds: Number(values.rounds),
  results,
};
const directory = fileURLToPath(new URL('results', import.meta.url));
mkdirSync(directory, { recursive: true });
writeFileSync(`${directory}/latest.json`, `${JSON.stringify(report, undefined, 2)}\n`);
writeFileSync(`${directory}/latest.svg`, formatSvg(results));
if (values.json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
else
  process.stdout.write(
    `${formatTable(results, values.client.includes('grpc-js') ? 'grpc-js' : values.client[0])}\n`,
  );
