// The table at the end, what each client of it was given, and whether podwire lost a call that it should not.
import { table } from './screen.mjs';

/** One row for each phase and client. */
export function report(results, { name, loopback, pace, versions }) {
  const header = ['', 'client', 'calls', 'failed', 'Pods', 'calls a Pod', 'p99 ms', 'CPU µs'];
  table(
    header,
    results.map(({ title, client, window }, i) => [
      title === results[i - 1]?.title ? '' : title.split(':')[0],
      client,
      window.calls,
      window.failed,
      `${window.byPod.length} of ${window.pods}`,
      spread(window.byPod.map(([, calls]) => calls)),
      window.p99Ms.toFixed(1),
      Math.round(window.cpuUs / window.calls),
    ]),
  );
  const own = loopback.oneAddress ? `for 127.0.0.N:${loopback.port} it is 127.0.0.1:${loopback.port}+N` : '';
  const heldBack = results.reduce((sum, { window }) => sum + window.heldBack, 0);
  const lines = [
    `Each client is a process of its own and makes ${pace.describe()}.`,
    `Both are given the target dns://<name server>/${name}:<port>,`,
    'whose name server answers as CoreDNS does for a headless Service (A records of',
    'the ready Pods, TTL 5 s), round_robin, and the same retry policy.',
    `  grpc-js ${versions.grpc} asks DNS again when a connection ends; it may do so once a second`,
    '    (grpc.dns_min_time_between_resolutions_ms: 1000; its default is 30 s).',
    '    In phase 1 it has the address of the proxy instead.',
    `  podwire ${versions.podwire} asks DNS every 5 s and when a connection ends. Its mesh is the proxy.`,
    'Pods: that answered, of those there were. Calls a Pod: of the least and the most used.',
    '3c is counted from 7 s after the change, 3d from 2 s. CPU a call is that of the whole',
    'process, its timers and statistics included: npm run bench measures the client alone.',
    ...(own === '' ? [] : [`This machine has one loopback address: ${own}, for both clients.`]),
    ...(heldBack === 0 ? [] : [`${heldBack} calls were not made when due: too many were open.`]),
  ];
  process.stdout.write(`\n${lines.map((line) => `  ${line}\n`).join('')}`);
}

/** What to say of calls that podwire lost, if it lost more than a phase allows. */
export function complaint(results) {
  const own = results.filter(({ client }) => client === 'podwire');
  const failed = own.reduce((sum, { window }) => sum + window.failed, 0);
  const allowed = own.reduce((sum, { allowed = 0 }) => sum + allowed, 0);
  if (failed <= allowed) return undefined;
  return `${failed} podwire calls failed, ${allowed} may have: ${own.at(-1).window.lastError}`;
}

function spread(counts) {
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return counts.length === 0 ? '' : least === most ? `${most}` : `${least}-${most}`;
}
