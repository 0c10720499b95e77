// One client in a process of its own, so that none pays for another.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('consumer.mjs', import.meta.url));

export class ConsumerProcess {
  kind;
  #child;
  #asked = new Map();
  #lastId = 0;

  /** Resolves when the client is connected. */
  static async start(options) {
    // grpc-js asks the name server of its target only then; else it asks the system's, which is not ours.
    const env = { ...process.env, GRPC_NODE_USE_ALTERNATIVE_RESOLVER: 'true' };
    const stdio = ['ignore', 'pipe', 'inherit', 'ipc'];
    const child = spawn(process.execPath, [script, JSON.stringify(options)], { env, stdio });
    await new Promise((resolve, reject) => {
      child.once('exit', (code) =>
        reject(new Error(`${options.kind} ended with ${code} before it was ready`)),
      );
      child.stdout.once('data', resolve);
    });
    return new ConsumerProcess(options.kind, child);
  }

  constructor(kind, child) {
    this.kind = kind;
    this.#child = child;
    child.on('message', ({ id, answer }) => {
      this.#asked.get(id)?.resolve(answer);
      this.#asked.delete(id);
    });
    child.once('exit', (code) => {
      for (const { reject } of this.#asked.values()) reject(new Error(`${kind} ended with ${code}`));
    });
  }

  /** Has the process do one of its commands (consumer.mjs). */
  ask(command, argument) {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#child.send({ id, command, argument });
    });
  }

  /** Lets its calls end. */
  async close() {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#asked.clear();
    this.#child.send({ id: 0, command: 'close' });
    await gone;
  }
}
