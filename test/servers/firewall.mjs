// @ts-check
// A firewall that drops silently: packets of TCP connections to or from a port of this network namespace are lost, and so are
// SYNs. Works in a sandbox only (test/servers/sandbox.mjs), with tc of iproute2: what it redirects to a link that leads nowhere
// is gone.
import { run } from './build.mjs';

const HOLE = 'podwire-hole';
let cut = false;

/** Drops what goes to or comes from the port, on the loopback device. @param {number} port */
export function cutOff(port) {
  cut = true;
  run('ip', ['link', 'add', HOLE, 'type', 'veth', 'peer', 'name', `${HOLE}-1`]);
  run('ip', ['link', 'set', HOLE, 'up']);
  run('ip', ['link', 'set', `${HOLE}-1`, 'up']);
  run('tc', ['qdisc', 'add', 'dev', 'lo', 'clsact']);
  for (const end of ['dport', 'sport']) {
    run('tc', [
      ...['filter', 'add', 'dev', 'lo', 'egress', 'protocol', 'ip', 'u32'],
      ...['match', 'ip', 'protocol', '6', '0xff', 'match', 'ip', end, String(port), '0xffff'],
      ...['action', 'mirred', 'egress', 'redirect', 'dev', HOLE],
    ]);
  }
}

/** Ends what `cutOff` began, if it began. */
export function letThrough() {
  if (!cut) return;
  cut = false;
  run('tc', ['qdisc', 'del', 'dev', 'lo', 'clsact']);
  run('ip', ['link', 'del', HOLE]);
}
