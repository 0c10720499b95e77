// Where a row is played: Pods, clients under load against them, and the times of what was done to them.
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startChild } from './child.mjs';
import { History } from './history.mjs';
import { Fleet } from './pods/fleet.mjs';
import { nowMs } from './time.mjs';

const program = fileURLToPath(new URL('clients/client.mjs', import.meta.url));

/** The name by which the document lists a load's Pods. */
export const serviceOf = ({ name }) => `load-${name.replaceAll(' ', '-')}`;

export class Stage {
  /** @type {Fleet} */
  fleet;
  /** Times of what was done, by name, on the machine's monotonic clock. */
  marks = {};
  /** The clients by kind and load: `podwire A`. */
  clients = new Map();
  #row;

  /** `long`: whether faults last as long as the issue says, or as long as CI has time for. */
  constructor(row, long) {
    this.#row = row;
    this.long = long;
  }

  get bad() {
    return this.fleet.bad;
  }

  get pods() {
    return this.fleet.pods;
  }

  mark(name) {
    this.marks[name] = nowMs();
  }

  pause(ms) {
    return pause(ms);
  }

  /** One of the two lengths, `[short, long]`, or the only one. */
  lengthMs(lengths) {
    return Array.isArray(lengths) ? lengths[this.long ? 1 : 0] : lengths;
  }

  async open() {
    const { loads, fleet = {}, only } = this.#row;
    this.fleet = new Fleet(fleet);
    await this.fleet.start(fleet.pods ?? Math.max(...loads.map(({ pods }) => pods)));
    for (const load of loads) this.fleet.list(serviceOf(load), this.pods.slice(0, load.pods));
    await Promise.all(
      loads.flatMap((load) => {
        const kinds = only ? [only] : load.peer ? ['podwire'] : ['podwire', 'grpc-js'];
        return kinds.map((kind) => this.#connect(kind, load));
      }),
    );
  }

  async #connect(kind, load) {
    const name = `${kind} ${load.name}`;
    const { tls } = this.#row.fleet ?? {};
    const order = {
      ...load,
      kind,
      tls,
      file: this.fleet.file,
      service: serviceOf(load),
      name: name.replaceAll(' ', '-'),
    };
    const child = await startChild(program, order, { execArgv: load.execArgv });
    this.clients.set(name, { kind, load, child });
  }

  /** Starts the load of all clients. */
  async start() {
    await Promise.all([...this.clients.values()].map(({ child }) => child.ask('start')));
    this.mark('started');
  }

  /** Asks every client, or those of a kind. */
  askAll(command, value, kind) {
    const asked = [...this.clients.values()].filter((client) => kind === undefined || client.kind === kind);
    return Promise.all(asked.map(({ child }) => child.ask(command, value)));
  }

  /** Ends the load; resolves to the history. */
  async stop() {
    this.mark('stopped');
    const clients = await Promise.all(
      [...this.clients].map(async ([name, { kind, load, child }]) => ({
        name,
        kind,
        load,
        ...(await child.ask('stop')),
      })),
    );
    return new History({
      clients,
      log: this.fleet.log(),
      marks: this.marks,
      pods: this.pods.map(({ address }) => address),
    });
  }

  close() {
    for (const { child } of this.clients.values()) child.signal('SIGKILL');
    this.fleet?.close();
  }
}
