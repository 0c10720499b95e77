// The benchmark's Go programs, its echo server and the grpc-go client, built when they are not there yet.
import { join } from 'node:path';
import { itemDirectory, provision } from '../test/servers/cache.mjs';
import { items } from '../test/servers/items.mjs';

/** The path of `backend` or `client`. */
export function goProgram(name) {
  provision(items['bench-go']);
  return join(itemDirectory(items['bench-go']), name);
}
