import { EchoClient, fromGrpcClient } from './definition.mjs';
import { openChannel } from './podwire.mjs';

/** A client made by podwire. */
export async function open(addresses, options) {
  const { createClient } = await import(options.module ?? 'podwire');
  const channel = await openChannel(addresses, options);
  return fromGrpcClient(createClient(EchoClient, channel), () => channel.close());
}
