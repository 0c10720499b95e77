// One policy, in a process of its own: node worker.mjs POLICY changes|document. Prints JSON.
// The channel, its watch and its registry are the real ones; only connections are stand-ins, ready at once: ten thousand
// sockets are the kernel's work, and another matter.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock, systemRandom, toEndpoint } from '@podwire/registry';
import { Channel } from '../../packages/client/src/channel/channel.ts';
import { parseOptions } from '../../packages/client/src/options/settings.ts';

const ENDPOINTS = 10_000;
const CHANGES = 10;
const CHANGED = ENDPOINTS / 100;
/** From one change to the next: longer than it takes until the new picker is there. */
const EVERY_MS = 300;
const [policy, way] = process.argv.slice(2);

const transport = {
  name: 'stand-in',
  connect(_options, listener) {
    queueMicrotask(() => listener.onReady());
    return {
      state: 'ready',
      hasRoom: true,
      maxConcurrentStreams: 100,
      drain() {},
      destroy: () => listener.onClosed(),
    };
  },
};

const address = (i) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}:50051`;
const range = (from, count) => Array.from({ length: count }, (_, i) => address(from + i));

/** Pods come and go one update each, as Kubernetes and Nacos tell it. */
function tellChanges() {
  const updates = [
    { type: 'reset', endpoints: range(0, ENDPOINTS).map((text) => toEndpoint({ address: text })) },
  ];
  let wake = () => {};
  const registry = {
    scheme: 'bench',
    source: 'registry',
    async *watch(_service, { signal }) {
      while (!signal.aborted) {
        if (updates.length > 0) yield updates.shift();
        else await new Promise((resolve) => (wake = resolve));
      }
    },
  };
  return {
    target: 'bench:///orders',
    registries: [registry],
    change(n) {
      const endpoints = range(ENDPOINTS + n * CHANGED, CHANGED).map((text) => toEndpoint({ address: text }));
      updates.push({ type: 'remove', ids: range(n * CHANGED, CHANGED) }, { type: 'upsert', endpoints });
      wake();
    },
    close: () => wake(),
  };
}

/** The file registry over a document that is replaced whole. */
function tellDocument() {
  const dir = mkdtempSync(join(tmpdir(), 'podwire-churn-'));
  const path = join(dir, 'services.json');
  // Written before anything is measured: the writer is another process in real life.
  for (let n = 0; n <= 2 * CHANGES; n++) {
    const endpoints = range(n * CHANGED, ENDPOINTS).map((text) => ({ address: text }));
    writeFileSync(n === 0 ? path : `${path}.${n}`, JSON.stringify({ services: { orders: { endpoints } } }));
  }
  return {
    target: `file://${path}#orders`,
    registries: [],
    change: (n) => renameSync(`${path}.${n + 1}`, path),
    close: () => rmSync(dir, { recursive: true }),
  };
}

const source = way === 'document' ? tellDocument() : tellChanges();
const settings = parseOptions({ policy, registries: source.registries, holdMs: 0 });
const env = { clock: systemClock, random: systemRandom, afterPoll: setImmediate };
const channel = new Channel(source.target, { ...settings, transport }, env, {});
const here = () => channel.snapshot().pods.filter(({ state }) => state !== 'draining' && state !== 'closed');
await channel.ready({ timeoutMs: 30_000 });
while (here().length < ENDPOINTS) await sleep(50);
await sleep(1_000);
/** To look for stalls every millisecond costs CPU itself: it is done in a second round. */
async function follow(from) {
  for (let n = from; n < from + CHANGES; n++) {
    source.change(n);
    await sleep(EVERY_MS);
  }
}
const cpu = process.cpuUsage();
await follow(0);
const { user, system } = process.cpuUsage(cpu);
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
await follow(CHANGES);
delay.disable();
const wanted = new Set(range(2 * CHANGES * CHANGED, ENDPOINTS));
const pods = here();
if (pods.length !== ENDPOINTS || pods.some(({ id }) => !wanted.has(id))) {
  throw new Error(
    `${pods.length} Pods, of which ${pods.filter(({ id }) => wanted.has(id)).length} are those wanted`,
  );
}
console.log(JSON.stringify({ cpuMs: (user + system) / 1_000, stallMs: delay.max / 1e6 }));
await channel.close();
source.close();
