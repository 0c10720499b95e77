// Four provider processes, two clients with the same generated stub, and what becomes of their calls when Pods come and go: one with
// grpc-js alone, one with podwire, on the same Pods at the same time. What each is given stands under the table at the end.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ConsumerProcess } from './consumer-process.mjs';
import { Fleet } from './fleet.mjs';
import { startProxy } from './l4-proxy.mjs';
import { findLoopback } from './loopback.mjs';
import { NameServer } from './name-server.mjs';
import { Pace } from './pace.mjs';
import { complaint, report } from './report.mjs';
import { Screen } from './screen.mjs';

const NAME = 'orders.prod.svc.cluster.local';
const PHASE_MS = 3_000;
/** What is seen of a change in the phase that made it. */
const AFTER_MS = 1_500;
/** podwire asks DNS every 5 s, varied by a fifth; the rest is for connecting. */
const KNOWN_MS = 7_000;
/** When a connection ends both ask DNS, grpc-js within a second. */
const ASKED_MS = 2_000;

const loopback = await findLoopback();
const nameServer = await NameServer.listen(NAME);
const fleet = new Fleet(loopback, nameServer);
const screen = new Screen();
const pace = new Pace();
const results = [];

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const takeAll = (consumers) => Promise.all(consumers.map((consumer) => consumer.ask('take')));
const byName = (shares) => [...shares].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));

/**
 * Runs one phase on all consumers at once, so that they meet the same faults. Calls are counted from when `before` is done, and
 * failures from the beginning. `action` returns how many calls may fail.
 */
async function phase(title, consumers, { before, action } = {}) {
  screen.phase(title, () =>
    Promise.all(consumers.map(async (consumer) => [consumer.kind, byName(await consumer.ask('shares'))])),
  );
  await before?.();
  const earlier = await takeAll(consumers);
  const startedBefore = fleet.started - fleet.pods.length;
  const atLeast = pause(PHASE_MS);
  const allowed = await action?.();
  await Promise.all([atLeast, pause(AFTER_MS)]);
  const pods = fleet.started - startedBefore;
  const windows = await takeAll(consumers);
  screen.end(consumers.map(({ kind }, i) => [kind, byName(windows[i].byPod)]));
  for (const [i, window] of windows.entries()) {
    window.failed += earlier[i].failed;
    const client = consumers[i].kind === 'proxy' ? 'grpc-js' : consumers[i].kind;
    results.push({ title, client, allowed, window: { ...window, pods } });
  }
  if (await pace.adapt(windows)) process.stdout.write(`  from here on ${pace.describe()}\n`);
}

async function main() {
  await fleet.start(4);
  const proxy = await startProxy(() => fleet.places);
  const start = (kind, target) => ConsumerProcess.start({ kind, target, mesh: proxy.address, loopback });
  const target = `dns://${nameServer.address}/${NAME}:${loopback.port}`;
  const [viaProxy, plain, podwire] = await Promise.all([
    start('proxy', proxy.address),
    start('grpc-js', target),
    start('podwire', target),
  ]);
  const both = [podwire, plain];
  await pace.find(both);
  process.stdout.write(`each client makes ${pace.describe()}\n`);

  await pace.use([viaProxy]);
  await phase('1  layer-4 proxy: one long connection', [viaProxy]);
  await pace.use(both);
  await viaProxy.close();

  await phase('2  direct: every Pod its share', both);
  await phase('3a SIGKILL: one Pod killed, one started in its place', both, {
    async action() {
      await pause(500);
      // A call whose reply had begun cannot be tried again; no more may fail than were under way.
      const open = await podwire.ask('open');
      await fleet.kill(fleet.pods[0]);
      await fleet.start(1);
      return open;
    },
  });
  await phase('3b roll-out: all Pods replaced, one by one', both, {
    async action() {
      for (const pod of fleet.pods) {
        await fleet.start(1);
        await pause(200);
        await fleet.delete(pod);
      }
    },
  });
  await phase('3c scale-up: 4 Pods become 8', both, {
    async before() {
      await fleet.start(4);
      await pause(KNOWN_MS);
      await untilReady(podwire, 8);
    },
  });
  await phase('3d restart: one of the first four Pods replaced, so that a connection ends', both, {
    async before() {
      await fleet.start(1);
      await fleet.delete(fleet.pods[0]);
      await pause(ASKED_MS);
      await untilReady(podwire, 8);
    },
  });
  await pace.use([podwire]);
  await plain.close();
  await phase('4  modes: to mesh and back, twice, while calls run', [podwire], {
    async action() {
      for (const mode of ['mesh', 'direct', 'mesh', 'direct']) {
        await podwire.ask('setMode', mode);
        await pause(500);
      }
    },
  });
  await podwire.close();
  proxy.close();
}

/** On a busy machine connecting takes its time; a Pod that is never connected to shows in the table. */
async function untilReady(podwire, pods) {
  for (let i = 0; i < 100 && (await podwire.ask('readyPods')) < pods; i++) await pause(100);
}

function versions() {
  const { resolve } = createRequire(import.meta.url);
  const versionOf = (name) => JSON.parse(readFileSync(resolve(`${name}/package.json`), 'utf8')).version;
  return { grpc: versionOf('@grpc/grpc-js'), podwire: versionOf('podwire') };
}

try {
  await main();
  report(results, { name: NAME, loopback, pace, versions: versions() });
  const problem = complaint(results);
  if (problem !== undefined) process.stdout.write(`\n${problem}\n`);
  process.exitCode = problem === undefined ? 0 : 1;
} finally {
  await fleet.killAll();
  nameServer.close();
}
