// What a pick costs over policies and numbers of Pods, and what following a changing set of Pods costs:
// node bench/pick/main.mjs [--json]. Needs a build (npm run build). Times are CPU time: other processes don't count.
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createPolicy, finish, LoadMeter, policyNames } from '@podwire/balancer';
import { systemRandom, toEndpoint } from '@podwire/registry';

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');
const SIZES = [10, 100, 1_000, 10_000];
const PICKS = 200_000;
/** The best of so many rounds: the others were disturbed. */
const ROUNDS = 10;
const CHANGES = 10;
const env = { random: systemRandom, nowMs: () => performance.now() };

function makePods(count, from = 0, total = { inFlight: 0 }) {
  return Array.from({ length: count }, (_, at) => {
    const i = from + at;
    const address = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:50051`;
    const endpoint = toEndpoint({ address, weight: 1 + (i % 3) });
    const { id, weight } = endpoint;
    return { id, endpoint, available: true, weight, blocked: 0, load: new LoadMeter(total) };
  });
}

/** CPU milliseconds of this process while `work` ran. */
function cpuMs(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function measurePicks(name, size) {
  const pods = makePods(size);
  const picker = finish(createPolicy(name).build({ ...env, pods, ready: pods, previous: undefined }));
  const info = { hash: 0, excluded: undefined };
  const round = () => {
    for (let i = 0; i < PICKS; i++) {
      // 31 bits: a larger number would be boxed here, and counted as the policy's allocation.
      info.hash = Math.imul(i, 0x9e3779b1) >>> 1;
      picker.pick(info);
    }
  };
  round();
  let ns = Number.POSITIVE_INFINITY;
  let bytes = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
    gc();
    const heap = process.memoryUsage().heapUsed;
    ns = Math.min(ns, (cpuMs(round) / PICKS) * 1e6);
    bytes = Math.min(bytes, Math.max(0, process.memoryUsage().heapUsed - heap) / PICKS);
  }
  return { ns, bytes };
}

/** 10 000 Pods of which 1 % are replaced, ten times. */
function measureChanges(name) {
  const policy = createPolicy(name);
  let pods = makePods(10_000);
  let picker;
  const builds = [];
  for (let change = 0; change <= CHANGES; change++) {
    builds.push(
      cpuMs(() => {
        picker = finish(policy.build({ ...env, pods, ready: pods, previous: picker }));
      }),
    );
    pods = [...pods.slice(100), ...makePods(100, 10_000 + change * 100, pods[0].load.total)];
  }
  const changes = builds.slice(1);
  return {
    firstMs: builds[0],
    totalMs: changes.reduce((sum, ms) => sum + ms, 0),
    longestMs: Math.max(...changes),
  };
}

const results = {};
for (const name of policyNames) {
  results[name] = { changes: measureChanges(name), picks: {} };
  for (const size of SIZES) results[name].picks[size] = measurePicks(name, size);
}

if (values.json) console.log(JSON.stringify(results, undefined, 2));
else {
  const row = (name, cells) => console.log(name.padEnd(22) + cells.map((cell) => cell.padStart(15)).join(''));
  console.log('CPU ns per pick (bytes allocated per pick)');
  row(
    '',
    SIZES.map((size) => `${size} Pods`),
  );
  for (const [name, { picks }] of Object.entries(results)) {
    row(
      name,
      SIZES.map((size) => `${picks[size].ns.toFixed(0)} (${picks[size].bytes.toFixed(1)})`),
    );
  }
  console.log(`\nCPU ms for pickers over 10000 Pods of which 1 % are replaced, ${CHANGES} times`);
  row('', ['first build', `${CHANGES} rebuilds`, 'longest']);
  for (const [name, { changes }] of Object.entries(results)) {
    row(
      name,
      [changes.firstMs, changes.totalMs, changes.longestMs].map((ms) => ms.toFixed(1)),
    );
  }
}
