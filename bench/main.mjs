// CPU per call, calls a second, latency and garbage of podwire and its peers, in one run on the same backends.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CLIENTS, isInstalled, medians, startMeasuring } from './measure.mjs';
import { median } from './median.mjs';
import { check, watched, writeRecord } from './record.mjs';
import { formatSvg, formatTable, formatTargets } from './report.mjs';
import { judge, targets } from './targets.mjs';
import { workloads } from './workloads.mjs';

const HELP = `usage: npm run bench -- [options]

  --rounds N        measurements of each client and workload; the median counts (5)
  --ms N            length of one measurement (2000); half as long is warm-up before it
  --workload NAME   one of: ${Object.keys(workloads).join(', ')}; may be repeated (all)
  --client NAME     one of: ${CLIENTS.join(', ')}; may be repeated (those of the workload)
  --json            print the results as JSON instead of tables
  --check           measure CPU a call and compare it with the podwire of bench/record.json; exits 1 when it grew by over 15 %
  --record          measure the same and write bench/record.json
  --help

'podwire' is an unmodified generated client, 'podwire-client' one of createClient, 'grpc-js-layer' a generated client over a
channel that answers at once, 'node-net' the same bytes over bare sockets. 'envoy' is grpc-js through Envoy, and the CPU of
both; it is measured when installed (node test/servers/provision.mjs envoy). Results are written to bench/results/ as JSON and
SVG. Nothing else should run meanwhile.
`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    ms: { type: 'string', default: '2000' },
    workload: { type: 'string', multiple: true, default: Object.keys(workloads) },
    client: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit();
}
for (const name of values.workload) if (!(name in workloads)) fail(`unknown workload '${name}'`);
for (const name of values.client ?? []) if (!CLIENTS.includes(name)) fail(`unknown client '${name}'`);
const [rounds, ms] = [Number(values.rounds), Number(values.ms)];
if (!(rounds >= 1) || !(ms >= 1)) fail('--rounds and --ms must be numbers of at least 1');

function fail(message) {
  process.stderr.write(`${message}\n\n${HELP}`);
  process.exit(2);
}

/** Measures `plan`, pairs of workload and client, in turn, so that whatever disturbs the machine disturbs all of them. */
async function measureAll(plan, times, options) {
  const samples = {};
  const measuring = await startMeasuring(
    plan.map(([, client]) => client),
    options,
  );
  let done = 0;
  for (let round = 0; round < times; round++) {
    for (const [workload, client] of plan) {
      if (process.stderr.isTTY)
        process.stderr.write(`\r${done}/${times * plan.length} ${client} ${workload}`.padEnd(60));
      samples[workload] ??= {};
      samples[workload][client] ??= [];
      samples[workload][client].push(await measuring.one(client, workload, ms, rateFrom(samples)));
      done += 1;
    }
  }
  await measuring.stop();
  if (process.stderr.isTTY) process.stderr.write(`\r${' '.repeat(60)}\r`);
  const results = {};
  for (const [workload, clients] of Object.entries(samples)) {
    const of = Object.entries(clients).map(([client, runs]) => [client, medians(runs)]);
    results[workload] = { title: workloads[workload].title, clients: Object.fromEntries(of) };
  }
  return {
    date: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    rounds: times,
    results,
  };
}

/** Half of what grpc-js did at its best in this run, in calls a second. */
function rateFrom(samples) {
  const peak = samples['unary-64']?.['grpc-js']?.map(({ perSecond }) => perSecond);
  return peak === undefined ? 3_000 : median(peak) / 2;
}

/** Each with grpc-js in the same workload. */
const besideGrpc = (list) =>
  [...new Set(list.map(({ workload }) => workload))].flatMap((workload) => [
    ...list.filter((one) => one.workload === workload).map(({ client }) => [workload, client]),
    [workload, 'grpc-js'],
  ]);

if (values.record) {
  writeRecord(await measureAll(besideGrpc(watched), Math.max(rounds, 5)));
} else if (values.check) {
  process.exitCode = (await check((list, more, options) =>
    measureAll(besideGrpc(list), rounds + more, options),
  ))
    ? 0
    : 1;
} else {
  const plan = values.workload.flatMap((workload) =>
    (values.client ?? workloads[workload].clients).filter(isInstalled).map((client) => [workload, client]),
  );
  const report = await measureAll(plan, rounds, { garbage: true });
  const judged = targets.map((target) => judge(target, report.results)).filter((one) => one !== undefined);
  const directory = fileURLToPath(new URL('results', import.meta.url));
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    `${directory}/latest.json`,
    `${JSON.stringify({ ...report, targets: judged }, undefined, 2)}\n`,
  );
  writeFileSync(`${directory}/latest.svg`, formatSvg(report.results));
  if (values.json) process.stdout.write(`${JSON.stringify({ ...report, targets: judged }, undefined, 2)}\n`);
  else process.stdout.write(`${formatTable(report.results)}\n\n${formatTargets(judged)}\n`);
}
