import { createClient } from 'podwire';
import { EchoClient, fromGrpcClient } from './definition.mjs';
import { openChannel } from './podwire.mjs';

/** A client made by podwire, over its own HTTP/2. */
export async function open(addresses) {
  const channel = await openChannel(addresses, 'http2');
  return fromGrpcClient(createClient(EchoClient, channel), () => channel.close());
}
