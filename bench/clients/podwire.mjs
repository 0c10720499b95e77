import * as grpc from '@grpc/grpc-js';
import { createChannel } from 'podwire';
import { EchoClient, fromGrpcClient } from './definition.mjs';

export async function openChannel(addresses, transport) {
  const target = `static:///${addresses.join(',')}`;
  const channel = createChannel(target, { policy: 'round_robin', maxReceiveBytes: -1, transport });
  await channel.ready();
  return channel;
}

export async function openPodwire(addresses, transport) {
  const channel = await openChannel(addresses, transport);
  const client = new EchoClient('', grpc.credentials.createInsecure(), { channelOverride: channel });
  return fromGrpcClient(client, () => channel.close());
}

/** Over node:http2. */
export const open = (addresses) => openPodwire(addresses, 'node-http2');
