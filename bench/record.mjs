// The last recorded ratios, and whether a run fell behind them.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const file = fileURLToPath(new URL('record.json', import.meta.url));
/** CPU a call may grow by so much before it is a regression. */
const TOLERANCE = 1.15;

/** What is watched: CPU a call (or message) against grpc-js's in the same run. */
export const watched = [
  { workload: 'unary-64', client: 'podwire' },
  { workload: 'unary-64', client: 'podwire-client' },
  { workload: 'bidi-4x64', client: 'podwire' },
  { workload: 'tls-unary-64', client: 'podwire' },
];

const nameOf = ({ workload, client }) => `${workload} ${client}`;
const ratioOf = ({ workload, client }, results) =>
  results[workload].clients[client].cpuUs / results[workload].clients['grpc-js'].cpuUs;

export function writeRecord({ results, ...about }) {
  const ratios = Object.fromEntries(watched.map((one) => [nameOf(one), round(ratioOf(one, results))]));
  writeFileSync(file, `${JSON.stringify({ ...about, ratios }, undefined, 2)}\n`);
}

/** Those of `which` that cost too much more than the record says; each as a line for people. */
export function regressions(which, results) {
  const { ratios, date, cpu } = JSON.parse(readFileSync(file, 'utf8'));
  return which.flatMap((one) => {
    const [before, now] = [ratios[nameOf(one)], ratioOf(one, results)];
    const text = `${nameOf(one)}: ${round(now)} of grpc-js's CPU, recorded ${before} (${date.slice(0, 10)}, ${cpu})`;
    console.log(`${now > before * TOLERANCE ? 'slower' : 'ok    '}  ${text}`);
    return now > before * TOLERANCE ? [one] : [];
  });
}

function round(value) {
  return Number(value.toFixed(4));
}
