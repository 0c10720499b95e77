import type { Transport } from '../transport.ts';
import { NodeConnection } from './connection.ts';

/** HTTP/2 by node:http2: the reference, and the one to fall back to. */
export const nodeHttp2Transport: Transport = {
  name: 'node-http2',
  connect: (options, listener) => new NodeConnection(options, listener),
};
