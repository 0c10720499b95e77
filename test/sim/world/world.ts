import type { Socket } from 'node:net';
import { dnsRegistry, type Registry } from '@podwire/registry';
import { Dice, seededRandom } from '../dice.ts';
import { Engine } from '../engine.ts';
import type { Entry, History } from '../history.ts';
import { SimSocket } from '../net/sim-socket.ts';
import { KINDS, type Kind, kindOf } from '../server/kinds.ts';
import { type PodWatcher, SimPod } from '../server/sim-pod.ts';
import { Callers } from './callers.ts';
import { BEGINS } from './faults.ts';
import { type Fault, type Plan, RECOVERY_MS } from './plan.ts';
import { MESH, SimClient } from './sim-client.ts';
import { type Listing, SimRegistry } from './sim-registry.ts';

/** How long the first connections take before callers come. */
const SETTLE_MS = 500;
/** How often the snapshot is held against the truth. */
const COUNT_EVERY_MS = 10_000;
/** How long sockets and calls may take to end once the channels are closed. */
const CLOSING_MS = 40_000;
/** Pods of one service have one port, since DNS names one. */
const PORT = 50_051;

/** Everything that there is in one run: Pods, networks, a registry, clients with their callers, and what goes wrong. */
export class World {
  readonly engine = new Engine();
  readonly plan: Plan;
  readonly registry: SimRegistry;
  readonly seed: number;
  readonly registries: readonly Registry[];
  readonly target: string;
  /** Pods that are in the set, or should be. */
  pods: SimPod[] = [];
  readonly #history: History;
  readonly #byAddress = new Map<string, SimPod>();
  readonly #dice: Dice;
  readonly #netDice: Dice;
  readonly #clients: SimClient[] = [];
  readonly #callers: Callers[] = [];
  #calls = 0;
  #named = 0;
  #sockets = 0;

  constructor(plan: Plan, history: History) {
    this.plan = plan;
    this.seed = plan.seed;
    this.#history = history;
    this.#dice = new Dice(plan.seed, 'world');
    this.#netDice = new Dice(plan.seed, 'network');
    this.registry = new SimRegistry(this.engine, new Dice(plan.seed, 'registry'));
    const dns = () =>
      dnsRegistry({
        resolver: this.registry.resolver,
        clock: this.engine.clientClock,
        random: seededRandom(plan.seed, 'dns'),
        pollMs: SimRegistry.pollMs,
      });
    this.registries = [plan.byDns ? dns() : this.registry];
    this.target = plan.byDns ? `dns:///orders.prod:${PORT}` : 'sim:///orders';
  }

  /** The whole run. */
  async run(): Promise<void> {
    const { engine, plan } = this;
    for (const kind of plan.pods) this.add(kindOf(kind));
    this.#open(MESH, KINDS[0]).start();
    for (const client of plan.clients) {
      const made = new SimClient(client, this);
      this.#clients.push(made);
      this.#callers.push(new Callers(made, this, new Dice(plan.seed, `callers of ${client.name}`)));
    }
    const startMs = engine.nowMs();
    await engine.run(startMs + SETTLE_MS);
    const quietMs = engine.nowMs() + plan.stormMs;
    const endMs = quietMs + plan.quietMs;
    for (const callers of this.#callers) callers.come(endMs);
    for (const fault of plan.faults) this.#plan(fault, quietMs);
    this.#countUntil(endMs);
    await engine.run(quietMs);
    this.#calm();
    await engine.run(quietMs + RECOVERY_MS);
    const listed = this.registry.listed.map(({ address }) => address);
    this.note({ is: 'quiet', equal: new Set(plan.pods).size === 1, listed });
    await engine.run(endMs);
    await this.#close();
  }

  note(what: object): void {
    // In the place of a copy, which would cost more than all checks.
    (what as { atMs: number }).atMs = round(this.engine.nowMs());
    this.#history.note(what as Entry);
  }

  nextCall(): number {
    return this.#calls++;
  }

  podsToName(): readonly string[] {
    return this.pods.map(({ id }) => id);
  }

  connections(id: string): number {
    return this.#byAddress.get(id)?.sockets.size ?? 0;
  }

  connect(client: string, address: string): Socket {
    this.note({ is: 'dial', client, pod: address });
    const host = this.#byAddress.get(address) ?? this.#open(address, KINDS[0]);
    const socket = new SimSocket(this.engine, this.#netDice, host, this.plan.cutPercent);
    host.sockets.add(socket);
    this.#sockets += 1;
    socket.once('connect', () => this.note({ is: 'connect', pod: address }));
    socket.once('close', () => {
      this.#sockets -= 1;
    });
    return socket as unknown as Socket;
  }

  stall(forMs: number): void {
    this.note({ is: 'stall', forMs: round(forMs) });
    this.engine.stall(forMs);
  }

  burst(count: number, cancelled: boolean): void {
    for (const callers of this.#callers) callers.burst(count, cancelled);
  }

  setMode(mode: 'direct' | 'mesh'): void {
    for (const client of this.#clients) client.setMode(mode);
  }

  list(pod: SimPod, change: Partial<Listing> = {}): void {
    if (this.pods.includes(pod))
      this.registry.list({ address: pod.id, weight: 1, phase: 'serving', ...change });
  }

  unlist(pod: SimPod): void {
    this.registry.unlist(pod.id);
  }

  /** A new Pod starts, and is listed. */
  add(kind: Kind = this.pods[0]?.kind ?? KINDS[0]): SimPod {
    this.#named += 1;
    const pod = this.#open(`10.0.${this.#named >> 8}.${this.#named & 255}:${PORT}`, kind);
    pod.start();
    this.pods.push(pod);
    this.list(pod);
    return pod;
  }

  /** A Pod leaves as it should: the registry first, then GOAWAY, then its end. */
  retire(pod: SimPod): void {
    this.pods = this.pods.filter((other) => other !== pod);
    this.unlist(pod);
    this.engine.after(200 + this.registry.lateMs, () => pod.process?.goAway());
    this.engine.after(10_000 + this.registry.lateMs, () => pod.kill());
  }

  replace(pod: SimPod): void {
    this.add(pod.kind);
    this.engine.after(500, () => this.retire(pod));
  }

  #open(address: string, kind: Kind): SimPod {
    const watcher: PodWatcher = {
      onAble: ({ id }, able) => this.note({ is: 'able', pod: id, able }),
      onPolice: ({ pod }, what) => this.note({ is: 'police', pod, what }),
      onGoAway: ({ pod }) => this.note({ is: 'goaway', pod }),
      onServe: ({ pod, number }, { call, timeoutMs, previousAttempts: previous }) =>
        this.note({
          is: 'serve',
          call,
          pod,
          process: number,
          ...(timeoutMs !== undefined && { timeoutMs }),
          ...(previous > 0 && { previous }),
        }),
    };
    const pod = new SimPod(address, kind, this.plan.latencyMs, this.engine, this.#dice, watcher);
    this.#byAddress.set(address, pod);
    return pod;
  }

  #plan(fault: Fault, untilMs: number): void {
    const { engine } = this;
    engine.after(fault.atMs, () => {
      const { kind, forMs } = fault;
      const pod = this.pods[fault.pod % this.pods.length]!;
      this.note({ is: 'fault', kind, pod: pod.id, begins: true });
      const heal = BEGINS[kind](this, pod, fault);
      this.#look();
      if (heal === undefined) return;
      engine.after(Math.min(forMs, untilMs - engine.nowMs()), () => {
        heal();
        this.note({ is: 'fault', kind, pod: pod.id, begins: false });
        this.#look();
      });
    });
  }

  /** Mends what is still broken: of two faults of one Pod, one may have healed less than both broke. */
  #calm(): void {
    const { registry } = this;
    registry.lie = 'none';
    registry.isDown = false;
    registry.lateMs = 0;
    for (const pod of this.pods) {
      pod.start();
      this.list(pod);
    }
    registry.tell();
    this.setMode('direct');
    this.#look();
  }

  #look(): void {
    for (const pod of this.pods) pod.look();
  }

  #countUntil(endMs: number): void {
    this.engine.after(COUNT_EVERY_MS, () => {
      if (this.engine.nowMs() >= endMs) return;
      for (const client of this.#clients) client.count();
      for (const [pod, { sockets }] of this.#byAddress) {
        const bytes = Math.max(0, ...[...sockets].map(({ writableLength }) => writableLength));
        if (bytes > 0) this.note({ is: 'held', pod, bytes });
      }
      this.#countUntil(endMs);
    });
  }

  async #close(): Promise<void> {
    const { engine } = this;
    for (const client of this.#clients) void client.channel.close();
    await engine.run(engine.nowMs() + CLOSING_MS);
    const calls = this.#clients.reduce((sum, { open }) => sum + open, 0);
    this.note({ is: 'over', timers: engine.clientTimers, sockets: this.#sockets, calls });
  }
}

/** Times of histories are in microseconds at most, so that they are short and equal everywhere. */
function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
