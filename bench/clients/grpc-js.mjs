import * as grpc from '@grpc/grpc-js';
import { EchoClient, fromGrpcClient } from './definition.mjs';
import { ca } from './tls.mjs';

export async function open(addresses, { tls }) {
  const credentials = tls ? grpc.credentials.createSsl(ca) : grpc.credentials.createInsecure();
  const client = new EchoClient(`ipv4:${addresses.join(',')}`, credentials, {
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    'grpc.max_receive_message_length': -1,
  });
  await new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + 10_000, (error) => (error ? reject(error) : resolve()));
  });
  return fromGrpcClient(client, () => client.close());
}
