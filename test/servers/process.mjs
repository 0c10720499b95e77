// @ts-check
// Runs a server as a child process: ready by a condition, killed with its parent, its output kept for errors.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { delimiter } from 'node:path';

/** How much of a server's output is kept to show when it does not start. */
const LOG_CHARACTERS = 20_000;
const POLL_MS = 50;

const onPath = (/** @type {string} */ program) =>
  (process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(`${directory}/${program}`));
// The kernel then ends the server when this process dies, even by SIGKILL.
const guard = onPath('setpriv') ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * @typedef {object} ProcessOptions
 * @property {string} name for errors
 * @property {readonly string[]} command
 * @property {string} [cwd]
 * @property {Readonly<Record<string, string>>} [env] beside this process's own
 * @property {() => Promise<boolean>} ready asked every 50 ms until it is true; what it throws counts as false
 * @property {number} [timeoutMs] to be ready in; default 120 000
 */

/**
 * @typedef {object} Running
 * @property {number} pid
 * @property {() => string} log the end of what it printed
 * @property {(signal?: NodeJS.Signals) => Promise<void>} stop default SIGKILL; resolves when it is gone
 * @property {(signal: NodeJS.Signals) => void} signal such as SIGSTOP and SIGCONT
 */

/** @param {ProcessOptions} options @returns {Promise<Running>} rejects with the server's last output */
export async function startProcess({ name, command, cwd, env, ready, timeoutMs = 120_000 }) {
  const [program, ...args] = /** @type {[string, ...string[]]} */ ([...guard, ...command]);
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      log = (log + text).slice(-LOG_CHARACTERS);
    });
  }
  let over = '';
  const gone = new Promise((resolve) => {
    child.once('error', (error) => {
      over ||= `cannot be run: ${error.message}`;
      resolve(undefined);
    });
    child.once('exit', (code, signal) => {
      over ||= `ended with ${signal ?? `exit code ${code}`}`;
      resolve(undefined);
    });
  });
  gone.then(() => running.delete(child));
  const stop = async (/** @type {NodeJS.Signals} */ signal = 'SIGKILL') => {
    child.kill(signal);
    await gone;
  };
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await ready().catch(() => false))) {
    if (over === '' && performance.now() > deadlineMs) {
      over = `was not ready in ${timeoutMs} ms`;
      await stop();
    }
    if (over !== '') throw new Error(`${name} ${over}\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return {
    pid: /** @type {number} */ (child.pid),
    log: () => log,
    stop,
    signal: (signal) => child.kill(signal),
  };
}

/** Whether something accepts connections there. @param {number} port @param {string} [host] @returns {Promise<boolean>} */
export function accepts(port, host = '127.0.0.1') {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
    socket.once('connect', () => socket.destroy());
  });
}

/** Whether a GET is answered with 200. @param {string} url @returns {Promise<boolean>} */
export async function answers(url) {
  const reply = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await reply.arrayBuffer();
  return reply.status === 200;
}

/** @param {number} port @returns {Promise<number | undefined>} the port when it is free */
function listenOnce(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}

/**
 * Ports are taken below those that the kernel gives to connections, which would else sit on one while its server restarts.
 * Test files that run at the same time have a range each, and a process gives no port out twice.
 */
const RANGE = 6_000;
const FIRST_PORT = 8_000 + RANGE * (Number(process.env.VITEST_POOL_ID ?? 0) % 4);
/** @type {Set<number>} */
const given = new Set();
let next = Math.floor(Math.random() * RANGE);

/** A free port for which the ports at these distances are free too. @param {...number} distances @returns {Promise<number>} */
export async function freePort(...distances) {
  for (let tries = 0; tries < RANGE; tries++) {
    const port = FIRST_PORT + next;
    next = (next + 1) % RANGE;
    const all = [port, ...distances.map((distance) => port + distance)];
    const mayTake = (/** @type {number} */ one) =>
      one >= FIRST_PORT && one < FIRST_PORT + RANGE && !given.has(one);
    if (!all.every(mayTake)) continue;
    for (const one of all) given.add(one);
    if (!(await Promise.all(all.map(listenOnce))).includes(undefined)) return port;
  }
  throw new Error(`no port is free from ${FIRST_PORT} to ${FIRST_PORT + RANGE - 1}`);
}
