// @ts-check
// A firewall that drops silently: packets of TCP connections to or from a port of this network namespace are lost, and so are
// SYNs. Works in a sandbox only (test/servers/sandbox.mjs), with tc of iproute2: what it redirects to a link that leads nowhere
// is gone. Several ports can be cut off at once, also by several processes.
import { run } from './build.mjs';

/** Ports that are cut off. @type {Set<number>} */
const cut = new Set();

/** A link that leads nowhere, and the priority of the port's rules, are the port's own. @param {number} port */
const holeOf = (port) => `hole-${port}`;

/**
 * Drops what goes to the port, what comes from it, or both, on the loopback device.
 * @param {number} port @param {'both' | 'to' | 'from'} [direction]
 */
export function cutOff(port, direction = 'both') {
  const hole = holeOf(port);
  run('ip', ['link', 'add', hole, 'type', 'veth', 'peer', 'name', `${hole}-1`]);
  run('ip', ['link', 'set', hole, 'up']);
  run('ip', ['link', 'set', `${hole}-1`, 'up']);
  hook();
  cut.add(port);
  for (const end of { both: ['dport', 'sport'], to: ['dport'], from: ['sport'] }[direction]) {
    run('tc', [
      ...['filter', 'add', 'dev', 'lo', 'egress', 'pref', String(port), 'protocol', 'ip', 'u32'],
      ...['match', 'ip', 'protocol', '6', '0xff', 'match', 'ip', end, String(port), '0xffff'],
      ...['action', 'mirred', 'egress', 'redirect', 'dev', hole],
    ]);
  }
}

/** Ends what `cutOff` began, if it began. @param {number} port */
export function letThrough(port) {
  if (!cut.delete(port)) return;
  run('tc', ['filter', 'del', 'dev', 'lo', 'egress', 'pref', String(port)]);
  run('ip', ['link', 'del', holeOf(port)]);
}

/** Rules hang on it. It stays: another process may have rules there. */
function hook() {
  try {
    run('tc', ['qdisc', 'add', 'dev', 'lo', 'clsact']);
  } catch (error) {
    if (!run('tc', ['qdisc', 'show', 'dev', 'lo']).includes('clsact')) throw error;
  }
}
