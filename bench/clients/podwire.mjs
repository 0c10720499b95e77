import * as grpc from '@grpc/grpc-js';
import { createChannel } from 'podwire';
import { EchoClient, fromGrpcClient } from './definition.mjs';

export async function open(addresses) {
  const channel = createChannel(`static:///${addresses.join(',')}`, {
    policy: 'round_robin',
    maxReceiveBytes: -1,
  });
  await channel.ready();
  const client = new EchoClient('', grpc.credentials.createInsecure(), { channelOverride: channel });
  return fromGrpcClient(client, () => channel.close());
}
