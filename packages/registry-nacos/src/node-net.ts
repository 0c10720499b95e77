/** All that this package takes of node:net. */
export { connect, isIP, isIPv4 } from 'node:net';
