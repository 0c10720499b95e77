// One client, a process: calls at an even rate, and the history of all of them. node client.mjs '<JSON>'
import { closeSync, openSync, readFile } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { nowMs } from '../time.mjs';
import { OpenLoop } from './open-loop.mjs';
import { openStream } from './streams.mjs';

const LOOK_MS = 100;
const READ_MS = 10;
const order = JSON.parse(process.argv[2]);
const { open } = await import(`./${order.kind}.mjs`);
const channels = await Promise.all(Array.from({ length: order.channels ?? 1 }, () => open(order)));
const load = new OpenLoop(
  channels.map(({ client }) => client),
  order,
);
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};
function takeAll() {
  try {
    for (;;) hoard.push(openSync('/dev/null'));
  } catch {
    // None is left.
  }
}
const burn = (ms) => {
  for (const sinceMs = nowMs(); nowMs() - sinceMs < ms; );
};

const kept = [];
const streams = [];
/** What the process has used of the processor, in milliseconds, and has of memory, in megabytes, now and then. */
const cpu = [];
const memory = [];
setInterval(() => {
  cpu.push([nowMs(), cpuMs()]);
  memory.push([nowMs(), process.memoryUsage.rss() / 1e6]);
}, LOOK_MS).unref();
/** How long it takes to read a small file, which needs the thread pool. */
const reads = [];
if (order.readsFiles)
  setInterval(() => {
    const sinceMs = nowMs();
    readFile(process.argv[1], () => reads.push([sinceMs, nowMs() - sinceMs]));
  }, READ_MS).unref();
/** Descriptors that are held to leave none. */
const hoard = [];
let hoarding;

const commands = {
  start: () => load.start(),
  /** Other settings of the load from now on. */
  set: (changes) => load.set(changes),
  /** Calls at once, which are open while the event loop is held in a callback of I/O, where a slow handler of the user's would. */
  block: ({ calls, deadlineMs, ms }) =>
    new Promise((resolve) => {
      for (let i = 0; i < calls; i++) load.one({ deadlineMs });
      readFile(fileURLToPath(import.meta.url), () => {
        burn(ms);
        resolve();
      });
    }),
  /** Sets the wall clock, so many milliseconds off (shifted-clock.mjs). */
  clock: (shiftMs) => globalThis.setWallClock(shiftMs),
  /** Takes nearly all of the heap, in objects that every collection must visit. */
  fill(megabytes) {
    kept.push(Array.from({ length: megabytes * 10_000 }, (_, i) => ({ i, text: `${i}`, next: {} })));
  },
  snapshot: () => channels[0].snapshot?.(),
  /** Calls at once. */
  burst({ calls, ...changes }) {
    for (let i = 0; i < calls; i++) load.one(changes);
  },
  /** Begins a stream, beside the calls; its end is told with the history. */
  stream: (value) => void streams.push(openStream(channels[0].client, value)),
  /** A collection of all garbage (`--expose-gc`), which holds the event loop. */
  collect: () => globalThis.gc(),
  /** Leaves no descriptor to anyone else, or gives them back. */
  hoard(on) {
    clearInterval(hoarding);
    if (on) hoarding = setInterval(takeAll, 1);
    else for (const fd of hoard.splice(0)) closeSync(fd);
  },
  /** Ends the load and returns what was seen. */
  async stop() {
    await load.stop();
    const seen = channels.map((channel) => channel.seen?.());
    for (const channel of channels) channel.close();
    return { calls: load.calls, seen: seen[0], allSeen: seen, cpu, reads, memory, streams };
  },
};
process.on('message', async ({ id, command, value }) => {
  process.send({ id, value: await commands[command](value) });
});
process.on('disconnect', () => process.exit());
if (order.fillMegabytes) commands.fill(order.fillMegabytes);
process.send({ ready: true });
