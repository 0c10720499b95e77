/** All that this package takes of node:net. */
export { isIP, isIPv4 } from 'node:net';
