// podwire as users have it: the built package, its public API, an unmodified generated client on its channel.
import { readFileSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { createChannel } from 'podwire';
import { nowMs } from '../time.mjs';
import { FleetClient } from './methods.mjs';

/** How often the snapshot is looked at. */
const LOOK_MS = 100;
/** Events that say why a Pod is not called. */
const EVENTS = [
  'pod',
  'ejected',
  'returned',
  'suspect',
  'health',
  'panic',
  'failover',
  'overLimit',
  'registry',
];
const ca = new URL('../../certs/ca-one.pem', import.meta.url);

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** `podwire`: options of the channel; none are the defaults. */
export async function open({ target, file, service, tls, serviceConfig, podwire = {} }) {
  const channel = createChannel(target ?? `file://${file}#${service}`, {
    ...(tls && { tls: { ca: readFileSync(ca), serverName: 'localhost' } }),
    ...(serviceConfig && { serviceConfig }),
    ...podwire,
  });
  await channel.ready();
  const client = new FleetClient(service, grpc.credentials.createInsecure(), { channelOverride: channel });
  const events = [];
  const looks = [];
  const latencies = [];
  for (const name of EVENTS) channel.events.on(name, (value) => events.push({ atMs: nowMs(), name, value }));
  let before = '';
  const look = () => {
    const snapshot = channel.snapshot();
    // What is told of Pods, without what changes all the time.
    const pods = snapshot.pods.map(
      ({ inFlight, latencyMs, calls, share, failed, successRate, limit, ...rest }) => rest,
    );
    latencies.push([nowMs(), mean(snapshot.pods.map(({ latencyMs }) => latencyMs ?? 0))]);
    const text = JSON.stringify(pods);
    if (text !== before) looks.push({ atMs: nowMs(), pods, text });
    before = text;
  };
  const timer = setInterval(look, LOOK_MS);
  return {
    client,
    snapshot: () => channel.snapshot(),
    seen() {
      look();
      return { events, looks, latencies, last: JSON.parse(JSON.stringify(channel.snapshot())) };
    },
    close() {
      clearInterval(timer);
      return channel.close({ graceMs: 0 });
    },
  };
}
