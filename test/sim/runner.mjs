// Hands orders to processes, one to each at a time.
import { fork } from 'node:child_process';

/** Processes that each run one order after another. */
export class Runner {
  #file;
  #free = [];
  #all = new Set();
  /** The names of the situations that there are; known once a process has begun. */
  situations = [];
  #atOnce;

  constructor(file, atOnce) {
    this.#file = file;
    this.#atOnce = atOnce;
  }

  /** Runs all orders. */
  async run(orders, onOutcome) {
    const lane = async () => {
      for (let next = orders.next(); !next.done; next = orders.next())
        onOutcome(next.value, await this.one(next.value));
    };
    await Promise.all(Array.from({ length: this.#atOnce }, lane));
  }

  /** Runs one order. A process that dies of it is an outcome, too. */
  async one(order) {
    const child = this.#free.pop() ?? (await this.#start());
    return new Promise((resolve) => {
      let text = '';
      const onError = (chunk) => {
        text = (text + chunk).slice(-4_000);
      };
      const done = (outcome) => {
        child.stderr.off('data', onError);
        child.removeAllListeners('message');
        child.removeAllListeners('exit');
        resolve(outcome);
      };
      child.stderr.on('data', onError);
      child.once('message', ({ outcome }) => {
        this.#free.push(child);
        done(outcome);
      });
      child.once('exit', (code, signal) => {
        this.#all.delete(child);
        done(died(order, `the process ended with ${code ?? signal}\n${text}`));
      });
      child.send(order);
    });
  }

  close() {
    for (const child of this.#all) child.kill();
  }

  #start() {
    const child = fork(this.#file, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#all.add(child);
    child.stderr.setEncoding('utf8');
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('message', ({ situations }) => {
        this.situations = situations;
        resolve(child);
      });
    });
  }
}

/** What is told of a run that ended its process. */
function died({ seed }, text) {
  const violations = [{ invariant: 'crash', atMs: 0, text }];
  const nothing = {
    digest: '',
    entries: 0,
    calls: 0,
    virtualMs: 0,
    cpuMs: 0,
    faults: [],
    situations: {},
    last: [],
  };
  return { seed, ...nothing, violations };
}
