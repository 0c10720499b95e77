// The last recorded ratios, and whether a run fell behind them.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleOf, currentCommit } from './recorded.mjs';

const file = fileURLToPath(new URL('record.json', import.meta.url));
/** CPU a call may grow by so much before it is a regression, where the recorded podwire is measured in the same run. */
const TOLERANCE = 1.15;
/** And where it cannot be: from one machine to another the same code's ratio to grpc-js moved from 0.070 to 0.135. */
const TOLERANCE_BETWEEN_MACHINES = 2;
/** What seems slower is measured again, longer: a machine that does other things as well has bad moments. */
const TRIES = 3;

/** What is watched: CPU a call (or message) against grpc-js's in the same run. */
export const watched = [
  { workload: 'unary-64', client: 'podwire' },
  { workload: 'unary-64', client: 'podwire-client' },
  { workload: 'bidi-4x64', client: 'podwire' },
  { workload: 'tls-unary-64', client: 'podwire' },
];

const nameOf = ({ workload, client }) => `${workload} ${client}`;
const recordedOf = ({ workload, client }) => ({ workload, client: `${client}@recorded` });
const ratioOf = ({ workload, client }, results) =>
  results[workload].clients[client].cpuUs / results[workload].clients['grpc-js'].cpuUs;

export function writeRecord({ results, ...about }) {
  const ratios = Object.fromEntries(watched.map((one) => [nameOf(one), round(ratioOf(one, results))]));
  const record = { commit: currentCommit(), ...about, ratios };
  writeFileSync(file, `${JSON.stringify(record, undefined, 2)}\n`);
}

/**
 * Whether none of `watched` costs too much more than when it was recorded; a line for people about each. `measure` takes a list of
 * workloads and clients, how many rounds more than usual, and where to import the recorded podwire from.
 */
export async function check(measure) {
  const { commit, ratios, date, cpu } = JSON.parse(readFileSync(file, 'utf8'));
  const recorded = await bundleOf(commit);
  const about = `recorded ${date.slice(0, 10)}, ${cpu}`;
  if (recorded === undefined)
    console.log(`commit ${commit} is not in this checkout: compared with figures of another machine alone`);
  let suspects = watched;
  for (let tries = 0; tries < TRIES && suspects.length > 0; tries++) {
    const list = recorded === undefined ? suspects : suspects.flatMap((one) => [one, recordedOf(one)]);
    const { results } = await measure(list, 2 * tries, { recorded });
    suspects = suspects.filter((one) => {
      const now = ratioOf(one, results);
      const before = recorded === undefined ? ratios[nameOf(one)] : ratioOf(recordedOf(one), results);
      const slower = now > before * (recorded === undefined ? TOLERANCE_BETWEEN_MACHINES : TOLERANCE);
      const then = recorded === undefined ? '' : `then ${round(before)} in this run, `;
      console.log(
        `${slower ? 'slower' : 'ok    '}  ${nameOf(one)}: ${round(now)} of grpc-js's CPU, ${then}${ratios[nameOf(one)]} when ${about}`,
      );
      return slower;
    });
  }
  return suspects.length === 0;
}

function round(value) {
  return Number(value.toFixed(4));
}
