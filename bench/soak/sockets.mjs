// Counts this process's TCP connections, from what Linux says of it.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** TCP_ESTABLISHED and TCP_CLOSE_WAIT: those that this side has not closed. */
const OPEN = new Set(['01', '08']);

/** How many connections this process has to any of these `host:port`. */
export function connectionsTo(addresses) {
  const ports = new Set([...addresses].map((address) => Number(address.split(':').at(-1))));
  const own = new Set();
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      own.add(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]);
    } catch {
      // Closed in between.
    }
  }
  return readFileSync('/proc/self/net/tcp', 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote, state, , , , , , inode]) => {
      return OPEN.has(state) && own.has(inode) && ports.has(Number.parseInt(remote?.split(':')[1] ?? '', 16));
    }).length;
}
