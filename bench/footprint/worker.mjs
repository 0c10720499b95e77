// One measurement: node --expose-gc worker.mjs connections <address> <certificate> | calls <address> <client>; prints bytes of one.
import { readFileSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { createChannel, createClient } from 'podwire';
import { ownHttp2Transport } from '../../packages/http2/dist/index.js';
import { EchoClient } from '../clients/definition.mjs';

const CONNECTIONS = 500;
const CALLS = 10_000;
const MESSAGE = Buffer.alloc(100, 'podwire');
const [what, address, option] = process.argv.slice(2);
const [host, port] = address.split(':');
const hold = setInterval(() => {}, 1_000);
const turn = () => new Promise((resolve) => setTimeout(resolve, 50));

/** Live memory, garbage aside, and resident memory, which also holds what OpenSSL and the kernel interface allocate. */
async function memory() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await turn();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { live: heapUsed + external, rss };
}

const method = { path: '/bench.Echo/Unary', authority: 'bench', headers: ['te', 'trailers'] };
const handler = { onHeaders() {}, onMessage() {}, onEnd() {} };

function connect(tls) {
  return new Promise((resolve, reject) => {
    const connection = ownHttp2Transport.connect(
      {
        ...{ host, port: Number(port), tls, connectTimeoutMs: 20_000 },
        ...{ keepaliveTimeMs: 0, keepaliveTimeoutMs: 1_000, keepaliveWithoutCalls: false },
        maxHeaderListBytes: 16_384,
      },
      {
        onReady: () => resolve(connection),
        onDraining() {},
        onRoom() {},
        onClosed: (cause) => reject(new Error(`closed: ${cause?.kind}`)),
      },
    );
  });
}

function open(connection) {
  const stream = connection.open({ method, headers: [], maxReceiveBytes: 4 << 20 }, handler);
  stream.request(1);
  stream.sendMessage(MESSAGE, false, true, undefined);
  return stream;
}

/** Connections that have carried a call. */
async function connections() {
  const tls = option === '' ? undefined : { ca: readFileSync(option), serverName: 'localhost' };
  const make = async (count) => {
    const made = [];
    for (let i = 0; i < count; i++) {
      const connection = await connect(tls);
      const stream = open(connection);
      await new Promise((resolve) => setImmediate(resolve));
      stream.cancel(8);
      made.push(connection);
    }
    return made;
  };
  const warm = await make(20);
  const before = await memory();
  const made = await make(CONNECTIONS);
  const after = await memory();
  if (warm.length + made.length === 0) throw new Error('not kept');
  return Math.max(after.live - before.live, after.rss - before.rss) / CONNECTIONS;
}

/** What of a call in flight is held above a channel. */
class SilentCall {
  start(metadata, listener) {
    this.kept = [metadata, listener];
  }
  startRead() {}
  sendMessageWithContext() {}
  halfClose() {}
}
const silentChannel = { createCall: () => new SilentCall() };

/** A function that opens a call, and one that waits until it can. */
async function opener() {
  if (option === 'podwire-http2-bare') {
    const connection = await connect(undefined);
    return () => open(connection);
  }
  const credentials = grpc.credentials.createInsecure();
  if (option === 'grpc-js') {
    const client = new EchoClient(address, credentials);
    await new Promise((resolve) => client.waitForReady(Date.now() + 5_000, resolve));
    return () => client.unary(MESSAGE, () => {});
  }
  if (option === 'the client layer of grpc-js') {
    const client = new EchoClient('', credentials, { channelOverride: silentChannel });
    return () => client.unary(MESSAGE, () => {});
  }
  const channel = createChannel(`static:///${address}`);
  await channel.ready();
  if (option === 'podwire-client') {
    const client = createClient(EchoClient, channel);
    return () => client.unary(MESSAGE, () => {});
  }
  const client = new EchoClient('', credentials, { channelOverride: channel });
  return () => client.unary(MESSAGE, () => {});
}

async function calls() {
  const start = await opener();
  const kept = [];
  const burst = async (count) => {
    for (let i = 0; i < count; i++) {
      kept.push(start());
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await burst(500);
  const before = await memory();
  await burst(CALLS);
  const after = await memory();
  if (kept.length !== CALLS + 500) throw new Error('not kept');
  return (after.live - before.live) / CALLS;
}

console.log(String(await (what === 'connections' ? connections() : calls())));
clearInterval(hold);
process.exit();
