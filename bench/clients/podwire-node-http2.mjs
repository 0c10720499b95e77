import { open as openPodwire } from './podwire.mjs';

/** Over Node's HTTP/2. */
export const open = (addresses, options) => openPodwire(addresses, options, 'node-http2');
