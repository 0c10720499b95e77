// The Pods of a run, each a process with an address of its own, the document that lists them, and what their logs say.
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild } from '../child.mjs';
import { startGoPod } from './go-pod.mjs';

const nodeProgram = fileURLToPath(new URL('pod.mjs', import.meta.url));
const SHARED = '/dev/shm';
const FIRST_PORT = 50_051;

export class Fleet {
  /** In memory where that can be: a disk that stalls would stall Pods. */
  #directory = mkdtempSync(join(existsSync(SHARED) ? SHARED : tmpdir(), 'podwire-promises-'));
  #endpoints = new Map();
  #options;
  /** @type {Pod[]} */
  pods = [];

  constructor(options = {}) {
    this.#options = options;
  }

  /** The document that podwire's file registry and grpc-js's resolver read. */
  get file() {
    return join(this.#directory, 'services.json');
  }

  /** The Pod whose faults a row plays. */
  get bad() {
    return this.pods[0];
  }

  /** Adds Pods that nothing lists yet. `each`: settings of the first, the second, …, beside those of all. */
  async start(count, each = []) {
    const made = Array.from({ length: count }, (_, i) => {
      const pod = new Pod(this.#directory, this.pods.length, { ...this.#options, ...each[i] });
      this.pods.push(pod);
      return pod;
    });
    await Promise.all(made.map((pod) => pod.start()));
    return made;
  }

  /** Lists these under the service's name, in the place of what was listed. Pods, or endpoints as in the document. */
  list(service, listed) {
    this.#endpoints.set(
      service,
      listed.map((one) => (one instanceof Pod ? { address: one.address, ...one.endpoint } : one)),
    );
    const services = Object.fromEntries(
      [...this.#endpoints].map(([name, endpoints]) => [name, { endpoints }]),
    );
    writeFileSync(`${this.file}.new`, JSON.stringify({ services }));
    renameSync(`${this.file}.new`, this.file);
  }

  /** All that the Pods wrote: `{ pod, what, id, atMs, outcome }`, what: begun, ended, refused, ping, connection, stream broken. */
  log() {
    return this.pods.flatMap((pod) => pod.log());
  }

  close() {
    for (const pod of this.pods) pod.signal('SIGKILL');
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

const WHAT = { b: 'begun', e: 'ended', r: 'refused', p: 'ping', c: 'connection', s: 'stream broken' };

class Pod {
  #child;
  #log;
  #options;

  constructor(directory, index, options) {
    this.host = `127.0.0.${11 + index}`;
    // DNS tells addresses alone: its Pods have one port.
    this.port = FIRST_PORT + (options.onePort ? 0 : index);
    this.endpoint = options.endpoint;
    this.#log = join(directory, `pod-${index}.log`);
    this.#options = options;
  }

  /** As in the document and in snapshots. */
  get address() {
    return `${this.host}:${this.port}`;
  }

  /** Starts it, again where it was if it ran before: of grpc-go, or of Node for what grpc-go's servers do not do. */
  async start() {
    const { host, port } = this;
    const { program = 'go', execArgv, ...settings } = this.#options;
    const order = { host, port, log: this.#log, ...settings };
    this.#child = await (program === 'go' ? startGoPod(order) : startChild(nodeProgram, order, { execArgv }));
  }

  /** From now on calls go by these rules (pod.mjs); those of `*` for all methods. */
  rules(value) {
    return this.#child.ask('rules', value);
  }

  ask(command, value) {
    return this.#child.ask(command, value);
  }

  signal(signal) {
    // One that did not start has nothing to end.
    this.#child?.signal(signal);
  }

  get pid() {
    return this.#child.pid;
  }

  /** Resolves when the process has ended. */
  get exited() {
    return this.#child.exited;
  }

  log() {
    return readFileSync(this.#log, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const [what, id, atMs, outcome] = line.split(' ');
        return { pod: this.address, what: WHAT[what], id, atMs: Number(atMs), outcome };
      });
  }
}
