// @ts-check
// Runs a command in network and process namespaces of its own: it reaches nothing outside, may use every port, has addresses
// for Pods (Kubernetes refuses loopback ones), and whatever it started ends with it. node test/servers/sandbox.mjs <command…>
import { spawnSync } from 'node:child_process';

/** Addresses of Pods: on the loopback device, so that one without a listener refuses. */
const POD_ADDRESSES = Array.from({ length: 20 }, (_, i) => `10.244.0.${11 + i}`);

const command = process.argv.slice(2);
if (command.length === 0 || command[0]?.startsWith('-')) {
  console.error('usage: node test/servers/sandbox.mjs <command> [argument…]');
  process.exit(2);
}
const setUp = ['ip link set lo up', ...POD_ADDRESSES.map((address) => `ip address add ${address}/32 dev lo`)];
// Without root, a user namespace gives the rights that this needs.
const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
const namespaces = [...asRoot, '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
// A machine that grants no namespaces can still run all that needs no address of a Pod.
if (
  spawnSync('unshare', [...namespaces, 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' }).status !== 0
) {
  console.error('no namespaces here: the servers run in those of the machine, without addresses for Pods');
  const [program = '', ...rest] = command;
  process.exit(spawnSync(program, rest, { stdio: 'inherit' }).status ?? 1);
}
const { status, signal, error } = spawnSync(
  'unshare',
  [...namespaces, ...['sh', '-c', `${setUp.join(' && ')} && exec "$@"`, 'sh', ...command]],
  { stdio: 'inherit' },
);
if (error) console.error(`this needs Linux with util-linux and iproute2: ${error.message}`);
else if (signal !== null) console.error(`ended with ${signal}`);
process.exit(status ?? 1);
