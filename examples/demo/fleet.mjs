// Provider processes: started, killed and replaced as a Deployment would.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('provider.mjs', import.meta.url));

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
  #directory;
  #service;
  #processes = new Map();

  constructor(directory, service) {
    this.#directory = directory;
    this.#service = service;
  }

  get addresses() {
    return [...this.#processes.keys()];
  }

  async start(count) {
    return Promise.all(Array.from({ length: count }, () => this.#startOne()));
  }

  async #startOne() {
    const { address, child } = await startProcess([script, this.#directory, this.#service]);
    this.#processes.set(address, child);
    return address;
  }

  /** Resolves when the process is gone. */
  async stop(address, signal) {
    const child = this.#processes.get(address);
    this.#processes.delete(address);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  async stopAll() {
    await Promise.all(this.addresses.map((address) => this.stop(address, 'SIGKILL')));
  }
}
