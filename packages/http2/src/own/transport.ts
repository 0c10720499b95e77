import type { Transport } from '../transport.ts';
import { OwnConnection } from './connection.ts';

/** podwire's own HTTP/2. */
export const ownHttp2Transport: Transport = {
  name: 'http2',
  connect: (options, listener) => new OwnConnection(options, listener),
};
