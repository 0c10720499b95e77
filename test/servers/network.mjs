// @ts-check
// Cuts an address of the sandbox off, as a firewall that drops packets does: nothing that it sends arrives, and nobody is told.
import { execFileSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';

/** An address that nothing but what is cut off should use, and the one that connections to it come from. */
const ADDRESS = '10.244.0.30';
const FROM = '10.244.0.11';

/** @param {string} command */
const ip = (command) => execFileSync('ip', command.split(' '), { stdio: 'pipe' });

/** Whether there is an address to cut off: not on a machine that grants no namespaces. */
export const canCutOff = (networkInterfaces().lo ?? []).some(({ address }) => address === ADDRESS);

/**
 * An address of this machine that can be cut off. Packets to oneself are routed by rule 0, before which no other rule can
 * be put, so that rule is moved first.
 * @returns {{ readonly host: string, cut(): void, mend(): void }}
 */
export function openNetwork() {
  ip(`route replace local ${ADDRESS} dev lo table local src ${FROM}`);
  if (execFileSync('ip', ['rule', 'list', 'pref', '0']).length > 0) {
    ip('rule add pref 10 lookup local');
    ip('rule del pref 0');
  }
  const rule = `pref 5 from ${ADDRESS} to ${FROM} blackhole`;
  return {
    host: ADDRESS,
    cut: () => void ip(`rule add ${rule}`),
    mend: () => void ip(`rule del ${rule}`),
  };
}
