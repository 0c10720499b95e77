/** All that this package takes of node:dns: no other file asks DNS, or the system. */
export { Resolver as CallbackResolver } from 'node:dns';
export { lookup, Resolver } from 'node:dns/promises';
