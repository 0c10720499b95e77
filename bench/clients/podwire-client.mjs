import { createClient } from 'podwire';
import { EchoClient, fromGrpcClient } from './definition.mjs';
import { openChannel } from './podwire.mjs';

/** A client made by podwire. */
export async function open(addresses, options) {
  const channel = await openChannel(addresses, options);
  return fromGrpcClient(createClient(EchoClient, channel), () => channel.close());
}
