// Unary calls over three Pods, and what the packages entered on the way of one of them.
import { setImmediate as turn } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';
import { HOOK } from './instrument.mjs';

const PODS = 3;
const WARM_CALLS = 50;
/** A reply that comes in two reads, or a draw that has to be repeated, makes a walk longer: the shortest one counts. */
const RECORDED_CALLS = 51;
const DEADLINE_MS = 10_000;

const method = {
  path: '/podwire.walk.Orders/Get',
  requestStream: false,
  responseStream: false,
  requestSerialize: (bytes) => bytes,
  requestDeserialize: (bytes) => bytes,
  responseSerialize: (bytes) => bytes,
  responseDeserialize: (bytes) => bytes,
};
const Client = grpc.makeClientConstructor({ get: method }, 'Orders');

function startServer() {
  const server = new grpc.Server();
  server.addService({ get: method }, { get: (call, callback) => callback(null, call.request) });
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve({ address: `127.0.0.1:${port}`, stop: () => server.forceShutdown() });
      else reject(error);
    });
  });
}

/** The clients whose way is counted. */
export const CLIENTS = {
  createClient: (podwire, channel) => podwire.createClient(Client, channel),
  generated: (_podwire, channel) =>
    new Client('orders', grpc.credentials.createInsecure(), { channelOverride: channel }),
};

function call(client) {
  const options = { deadline: Date.now() + DEADLINE_MS };
  return new Promise((resolve, reject) => {
    client.get(Buffer.from('order'), new grpc.Metadata(), options, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}

/** The functions that a warmed call and its reply enter, by their index and in their order. */
export async function walkOf(podwire, name) {
  let walk = [];
  globalThis[HOOK] = (index) => walk.push(index);
  const servers = await Promise.all(Array.from({ length: PODS }, startServer));
  const addresses = servers.map(({ address }) => address).join(',');
  const channel = podwire.createChannel(`static:///${addresses}`, { policy: 'least_request' });
  try {
    const client = CLIENTS[name](podwire, channel);
    await channel.ready();
    for (let i = 0; i < WARM_CALLS; i++) await call(client);
    const walks = [];
    for (let i = 0; i < RECORDED_CALLS; i++) {
      await turn();
      walk = [];
      await call(client);
      walks.push(walk);
      walk = [];
    }
    return walks.reduce((shortest, walk) => (walk.length < shortest.length ? walk : shortest));
  } finally {
    channel.close({ graceMs: 0 });
    for (const { stop } of servers) stop();
  }
}
