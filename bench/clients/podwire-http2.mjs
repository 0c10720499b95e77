import { openPodwire } from './podwire.mjs';

/** Over podwire's own HTTP/2. */
export const open = (addresses) => openPodwire(addresses, 'http2');
