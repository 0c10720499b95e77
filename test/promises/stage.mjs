// Where a row is played: Pods, clients under load against them, and the times of what was done to them.
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startChild } from './child.mjs';
import { History } from './history.mjs';
import { Fleet } from './pods/fleet.mjs';
import { nowMs } from './time.mjs';

const program = fileURLToPath(new URL('clients/client.mjs', import.meta.url));

/** The name by which the document lists a client's Pods. */
export const serviceOf = (kind, { name }) => `${kind}-${name.replaceAll(' ', '-')}`;

export class Stage {
  /** @type {Fleet} */
  fleet;
  /** Times of what was done, by name, on the machine's monotonic clock. */
  marks = {};
  /** The clients by kind and load: `podwire A`. */
  clients = new Map();
  #row;
  #closing = [];

  /**
   * `long`: whether faults last as long as they are promised for, or as long as CI has time for. `kinds`: the clients that play; both, or
   * one where each would disturb the other.
   */
  constructor(row, long, kinds = ['podwire', 'grpc-js']) {
    this.#row = row;
    this.long = long;
    this.kinds = kinds;
  }

  get bad() {
    return this.fleet.bad;
  }

  get pods() {
    return this.fleet.pods;
  }

  /** Calls it when the row is over, however it ended. */
  onClose(close) {
    this.#closing.push(close);
  }

  mark(name) {
    this.marks[name] = nowMs();
  }

  pause(ms) {
    return pause(ms);
  }

  /** One of two lengths or rates, `[short, long]`, or the only one. */
  lengthOf(lengths) {
    return Array.isArray(lengths) ? lengths[this.long ? 1 : 0] : lengths;
  }

  async open() {
    const { loads, fleet = {} } = this.#row;
    this.fleet = new Fleet(fleet);
    const count = fleet.pods ?? Math.max(...loads.map(({ pods }) => pods));
    await this.fleet.start(count, fleet.each);
    await this.#row.setUp?.(this);
    const clients = this.kinds.flatMap((kind) =>
      loads.filter(({ peer }) => kind === 'podwire' || peer === undefined).map((load) => [kind, load]),
    );
    for (const [kind, load] of clients) this.fleet.list(serviceOf(kind, load), this.pods.slice(0, load.pods));
    await Promise.all(clients.map(([kind, load]) => this.#connect(kind, load)));
  }

  /** Lists Pods for every client, in the place of what was listed. */
  list(pods) {
    for (const { kind, load } of this.clients.values()) this.fleet.list(serviceOf(kind, load), pods);
  }

  async #connect(kind, load) {
    const name = `${kind} ${load.name}`;
    const { tls } = this.#row.fleet ?? {};
    const order = {
      ...load,
      kind,
      tls,
      perSecond: this.lengthOf(load.perSecond),
      file: this.fleet.file,
      service: serviceOf(kind, load),
      name: name.replaceAll(' ', '-'),
    };
    // Options in which a length is, such as a window, have two as well.
    if (Array.isArray(load.podwire?.slowStart?.windowMs))
      order.podwire = {
        ...load.podwire,
        slowStart: { windowMs: this.lengthOf(load.podwire.slowStart.windowMs) },
      };
    const execArgv = load.execArgv;
    const child = await startChild(program, order, { execArgv });
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
    for (const close of this.#closing) close();
    for (const { child } of this.clients.values()) child.signal('SIGKILL');
    this.fleet?.close();
  }
}
