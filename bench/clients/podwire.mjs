import * as grpc from '@grpc/grpc-js';
import { EchoClient, fromGrpcClient } from './definition.mjs';
import { ca } from './tls.mjs';

/** `module` is where to import podwire from. */
export async function openChannel(addresses, { tls, module = 'podwire' }, transport = 'http2') {
  const { createChannel } = await import(module);
  const channel = createChannel(`static:///${addresses.join(',')}`, {
    policy: 'round_robin',
    maxReceiveBytes: -1,
    transport,
    ...(tls && { tls: { ca }, authority: '127.0.0.1' }),
  });
  await channel.ready();
  return channel;
}

/** An unmodified generated client on a podwire channel. */
export async function open(addresses, options, transport) {
  const channel = await openChannel(addresses, options, transport);
  const client = new EchoClient('', grpc.credentials.createInsecure(), { channelOverride: channel });
  return fromGrpcClient(client, () => channel.close());
}
