// A Pod of grpc-go: the program, what it is started with, and how it is asked.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { provisioned } from '../../servers/cache.mjs';
import { items } from '../../servers/items.mjs';

const certificate = (file) => fileURLToPath(new URL(`../../certs/${file}`, import.meta.url));

/** `rules` as in `pod.mjs`; `ignoreTerm`, `maxStreams`, `maxAgeMs`, `health` are the server's from its start. */
export async function startGoPod({
  host,
  port,
  log,
  tls,
  rules = {},
  ignoreTerm,
  maxStreams,
  maxAgeMs,
  health,
}) {
  const child = spawn(
    join(provisioned(items['promises-pod']), 'pod'),
    [
      ...['-address', `${host}:${port}`, '-log', log, '-rules', JSON.stringify(rules)],
      ...(tls ? ['-cert', certificate('server-one.pem'), '-key', certificate('server-one.key')] : []),
      ...(ignoreTerm ? ['-ignore-term'] : []),
      ...(maxStreams ? ['-max-streams', String(maxStreams)] : []),
      ...(maxAgeMs ? ['-max-age', `${maxAgeMs}ms`] : []),
      ...(health ? ['-health'] : []),
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const waiting = [];
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  const gone = exited.then((how) => {
    throw new Error(`a Pod ended with ${how}`);
  });
  gone.catch(() => {});
  // A Pod that was killed takes nothing more.
  child.stdin.on('error', () => {});
  createInterface(child.stdout).on('line', () => waiting.shift()?.());
  const answer = () => Promise.race([new Promise((resolve) => waiting.push(resolve)), gone]);
  await answer();
  return {
    pid: child.pid,
    exited,
    signal: (signal) => child.kill(signal),
    ask(command, value) {
      child.stdin.write(`${JSON.stringify({ command, value })}\n`);
      return answer();
    },
  };
}
