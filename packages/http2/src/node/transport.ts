import type { Transport } from '../transport.ts';
import { NodeConnection } from './connection.ts';

/** HTTP/2 by node:http2: the reference for tests, and a fallback for users. */
export const nodeHttp2Transport: Transport = {
  name: 'node-http2',
  connect: (options, listener) => new NodeConnection(options, listener),
};
