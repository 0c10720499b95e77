/** All that this package takes of node:net; connections are those of node:https. */
export { isIP, Socket } from 'node:net';
