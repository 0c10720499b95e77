// One client, a process: calls at an even rate, and the history of all of them. node client.mjs '<JSON>'
import { readFile } from 'node:fs';
import { nowMs } from '../time.mjs';
import { OpenLoop } from './open-loop.mjs';

const order = JSON.parse(process.argv[2]);
const { open } = await import(`./${order.kind}.mjs`);
const channels = await Promise.all(Array.from({ length: order.channels ?? 1 }, () => open(order)));
const load = new OpenLoop(
  channels.map(({ client }) => client),
  order,
);
const burn = (ms) => {
  for (const sinceMs = nowMs(); nowMs() - sinceMs < ms; );
};

const commands = {
  start: () => load.start(),
  /** Other settings of the load from now on. */
  set: (changes) => load.set(changes),
  /** Holds the event loop in a callback of I/O, where a slow handler of the user's would. */
  block: (ms) => void readFile(process.execPath, { signal: AbortSignal.timeout(60_000) }, () => burn(ms)),
  snapshot: () => channels[0].snapshot?.(),
  /** Ends the load and returns what was seen. */
  async stop() {
    await load.stop();
    const cpu = process.cpuUsage();
    const seen = channels.map((channel) => channel.seen?.());
    for (const channel of channels) channel.close();
    return { calls: load.calls, seen: seen[0], allSeen: seen, cpuMs: (cpu.user + cpu.system) / 1_000 };
  },
};
process.on('message', async ({ id, command, value }) => {
  process.send({ id, value: await commands[command](value) });
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
