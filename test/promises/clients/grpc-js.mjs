// grpc-js with a careful user's options: round_robin, and keepalive as podwire has it by default.
import { readFileSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { registerDocumentResolver } from './document-resolver.mjs';
import { FleetClient } from './methods.mjs';
import { options } from './options.mjs';

const ca = new URL('../../certs/ca-one.pem', import.meta.url);

/** `peer`: further options of grpc-js. */
export async function open({ target, file, service, tls, serviceConfig, peer = {} }) {
  registerDocumentResolver();
  const credentials = tls ? grpc.credentials.createSsl(readFileSync(ca)) : grpc.credentials.createInsecure();
  const client = new FleetClient(target ?? `document:${file}#${service}`, credentials, {
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }], ...serviceConfig }),
    ...options,
    ...(tls && { 'grpc.ssl_target_name_override': 'localhost' }),
    // Channels of one process would else share connections.
    'grpc.use_local_subchannel_pool': 1,
    ...peer,
  });
  await new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + 10_000, (error) => (error ? reject(error) : resolve()));
  });
  return { client, close: () => client.close() };
}
