// Provider processes: started, killed and replaced as a Deployment would, and listed in DNS while they are ready.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { placeOf } from './loopback.mjs';

const script = fileURLToPath(new URL('provider.mjs', import.meta.url));
/** A kubelet looks once a second which of its containers ended. */
const KUBELET_MS = 1_000;

/** Starts a provider; resolves with the address that it prints when it serves. */
export async function startProcess(command) {
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const address = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`a provider ended with ${code} before it served`)));
    child.stdout.once('data', (line) => resolve(line.toString().trim()));
  });
  return { address, child };
}

export class Fleet {
  #loopback;
  #nameServer;
  /** By the IP address. */
  #pods = new Map();
  #started = 0;

  constructor(loopback, nameServer) {
    this.#loopback = loopback;
    this.#nameServer = nameServer;
  }

  /** IP addresses, the oldest first. */
  get pods() {
    return [...this.#pods.keys()];
  }

  /** Pods so far, those that are gone included. */
  get started() {
    return this.#started;
  }

  /** Where the Pods' processes listen. */
  get places() {
    return [...this.#pods.values()].map(({ address }) => address);
  }

  async start(count) {
    await Promise.all(Array.from({ length: count }, () => this.#startOne()));
  }

  async #startOne() {
    const { ip, listen } = placeOf(this.#loopback, this.#started++);
    this.#pods.set(ip, await startProcess([script, listen, ip]));
    this.#nameServer.addresses.add(ip);
  }

  /** As when a Pod is deleted: DNS names it no more from when it gets its SIGTERM. Resolves when the process is gone. */
  async delete(ip) {
    this.#nameServer.addresses.delete(ip);
    await this.#end(ip, 'SIGTERM');
  }

  /** As when a process crashes: DNS names its Pod until the kubelet looks. */
  async kill(ip) {
    await this.#end(ip, 'SIGKILL');
    setTimeout(() => this.#nameServer.addresses.delete(ip), KUBELET_MS);
  }

  async #end(ip, signal) {
    const { child } = this.#pods.get(ip);
    this.#pods.delete(ip);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  async killAll() {
    await Promise.all(this.pods.map((ip) => this.#end(ip, 'SIGKILL')));
  }
}
