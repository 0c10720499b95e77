// Calls while a library's fake timers are in, with its defaults, and after: node under-fake-timers.mjs <library> <when> <transport> <address>.
// `when` is where podwire is loaded: "before" the fake timers come, or "under" them. Prints what became of each step, as JSON.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { Client, credentials } = require('@grpc/grpc-js');
const [library, when, transport, address] = process.argv.slice(2);

/** Puts fake timers in; returns how to take them out, and how to move their time. */
const LIBRARIES = {
  sinon() {
    const clock = require('sinon').useFakeTimers();
    return { restore: () => clock.restore(), tick: (ms) => clock.tick(ms) };
  },
  jest() {
    const { ModernFakeTimers } = require('@jest/fake-timers');
    const fake = new ModernFakeTimers({ config: { fakeTimers: {}, rootDir: '/' }, global: globalThis });
    fake.useFakeTimers();
    return { restore: () => fake.useRealTimers(), tick: (ms) => fake.advanceTimersByTime(ms) };
  },
  'node:test'() {
    const { mock } = require('node:test');
    mock.timers.enable();
    return { restore: () => mock.timers.reset(), tick: (ms) => mock.timers.tick(ms) };
  },
};

const same = (bytes) => bytes;
const steps = {};
function call(channel, method, deadline) {
  const client = new Client('orders', credentials.createInsecure(), { channelOverride: channel });
  const options = deadline === undefined ? {} : { deadline };
  return new Promise((resolve) => {
    client.makeUnaryRequest(`/podwire.test.Orders/${method}`, same, same, Buffer.alloc(0), options, (error) =>
      resolve(error === null ? 0 : error.code),
    );
  });
}

let podwire;
const open = () => podwire.createChannel(`static:///${address}`, { transport });
let channel;
if (when === 'before') {
  podwire = await import('podwire');
  channel = open();
  steps.before = await call(channel, 'Get');
}
const fake = LIBRARIES[library]();
if (when === 'under') {
  podwire = await import('podwire');
  channel = open();
}
// node:http2 itself stands still without `process.nextTick`: its calls can only end in time.
const isStill = transport === 'node-http2' && library !== 'node:test';
steps.during = await call(channel, 'Get', isStill ? Date.now() + 300 : undefined);
steps.duringWithDeadline = await call(channel, 'Get', Date.now() + (isStill ? 300 : 5_000));
fake.tick(60_000);
steps.duringExpired = await call(channel, 'Hang', Date.now() + 50);
const another = open();
steps.duringAnew = await call(another, 'Get', isStill ? Date.now() + 300 : undefined);
// Those that the fake timers leave hanging when they go.
const hung = [call(channel, 'Hang', Date.now() + 300), call(another, 'Hang', new Date(Date.now() + 300))];
fake.restore();
steps.hung = await Promise.all(hung);
steps.after = await call(channel, 'Get');
steps.afterWithDeadline = await call(channel, 'Get', Date.now() + 5_000);
steps.afterExpired = await call(another, 'Hang', Date.now() + 50);
const last = open();
steps.afterAnew = await call(last, 'Get');
await Promise.all([channel, another, last].map((one) => one.close()));
console.log(JSON.stringify(steps));
