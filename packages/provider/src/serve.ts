import type { Server, ServerCredentials } from '@grpc/grpc-js';
import {
  type AnnouncementChange,
  checkKeys,
  formatAddress,
  InvalidInput,
  parseAddress,
  systemClock,
} from '@podwire/registry';
import { ANNOUNCE_KEYS, type AnnounceOptions, type Presence, tellProblem } from './announce.ts';
import { type Announced, all, announceAll, withdrawAll } from './announce-all.ts';
import { checkFunction, checkMs, checkNames, checkSignals, isUnspecified } from './check-options.ts';
import { Health } from './health.ts';
import { within } from './within.ts';

/** How a provider serves, announces itself and stops. Times in milliseconds. */
export interface ServeOptions extends Omit<AnnounceOptions, 'registry' | 'service' | 'port'> {
  /** Where the server listens: `0.0.0.0:50051`, `[::]:50051`. Port 0 takes a free one. */
  readonly address: string;
  readonly credentials: ServerCredentials;
  /** None where others list the Pod, as Kubernetes does. */
  readonly registry?: AnnounceOptions['registry'];
  /** The service's name in the registry, or those of all that the server serves; needed with `registry`. */
  readonly service?: string | readonly string[];
  /** gRPC services whose health is told besides the whole server's (`''`). Default none. */
  readonly healthOf?: readonly string[];
  /** Signals on which the provider leaves. Default `['SIGTERM']`; a second one ends the calls that are left. */
  readonly signals?: readonly NodeJS.Signals[];
  /** How long the registry may take to let go of the Pod, also where `serve` fails. Default 3 000. */
  readonly withdrawTimeoutMs?: number;
  /** How long consumers have to hear that the Pod leaves, while it serves on. Default 5 000. */
  readonly noticeMs?: number;
  /** How long calls may take to end after that. Default 20 000: all steps within Kubernetes's 30 s. */
  readonly graceMs?: number;
  /** Called when the provider left because of a signal. Default: `process.exit()`. */
  readonly onStopped?: (report: DrainReport) => void;
}

/** How stopping went. */
export interface DrainReport {
  /** Whether the registry let go in time; true where there is none. */
  readonly withdrawn: boolean;
  /** Whether every call ended by itself. */
  readonly finished: boolean;
  /** From the signal, or the call of `drain`, to the end. */
  readonly tookMs: number;
}

/** A server that serves and is announced, as `serve` returns it. */
export interface Provider {
  /** `host:port` as consumers see it, or as the server is bound where there is no registry. */
  readonly address: string;
  readonly port: number;
  readonly state: 'serving' | 'leaving' | 'stopped';
  /** The Pod in the registry, once for each service. */
  readonly presences: readonly Presence[];
  /** Changes the Pod for all its services. */
  update(change: AnnouncementChange): Promise<void>;
  /** Leaves: unhealthy → out of the registry → notice → no new connections → calls end. Each step is bounded. */
  drain(): Promise<DrainReport>;
  /** Drains, as `drain` does. */
  [Symbol.asyncDispose](): Promise<void>;
}

const OWN_KEYS = [
  ...ANNOUNCE_KEYS.filter((key) => key !== 'port'),
  'address',
  'credentials',
  'healthOf',
  'signals',
  'withdrawTimeoutMs',
  'noticeMs',
  'graceMs',
  'onStopped',
];

/**
 * Serves: binds a grpc-js server whose services were added, answers the health service (`grpc.health.v1.Health`), and
 * only then announces the Pod. Rejects with `InvalidInput` for wrong options and when the address cannot be bound.
 */
export async function serve(server: Server, options: ServeOptions): Promise<Provider> {
  const settings = check(options);
  const health = new Health();
  for (const name of healthNames(options)) health.set(name, 'NOT_SERVING');
  health.addTo(server);
  const port = await bind(server, options);
  const { host } = settings.bound;
  const shown = isUnspecified(host) ? options.host : (options.host ?? host);
  for (const name of healthNames(options)) health.set(name, 'SERVING');
  let announced: readonly Announced[];
  try {
    const at = shown === undefined ? { port } : { port, host: shown };
    announced = await announceAll(
      { ...announceOptions(options), ...at },
      settings.services,
      settings.withdrawTimeoutMs,
    );
  } catch (error) {
    server.forceShutdown();
    throw error;
  }
  const presences = announced.map(({ presence }) => presence);
  const address = presences[0]?.endpoint.id ?? formatAddress(shown ?? host, port);
  // From here on consumers may call: a signal must not end the process at once.
  const provider = new Serving(server, health, settings, presences, { address, port });
  try {
    await Promise.all(announced.map(({ listed }) => listed));
  } catch (error) {
    await withdrawAll(presences, settings.withdrawTimeoutMs, options.clock);
    provider.abandon();
    throw error;
  }
  return provider;
}

/** Of the options those that `announce` takes too. */
function announceOptions(options: ServeOptions): Partial<AnnounceOptions> {
  const isTaken = ([key]: [string, unknown]) => (ANNOUNCE_KEYS as readonly string[]).includes(key);
  return Object.fromEntries(Object.entries(options).filter(isTaken));
}

interface Steps {
  readonly bound: { host: string; port: number };
  readonly options: ServeOptions;
  readonly services: readonly string[];
  readonly signals: readonly NodeJS.Signals[];
  readonly withdrawTimeoutMs: number;
  readonly noticeMs: number;
  readonly graceMs: number;
}

function check(options: ServeOptions): Steps {
  checkKeys(options, OWN_KEYS, 'options');
  const { registry, service, address, signals = ['SIGTERM'] } = options;
  if (typeof address !== 'string') {
    throw new InvalidInput('options.address', address, "must be a string, such as '0.0.0.0:50051'");
  }
  const services = service === undefined ? [] : [service].flat();
  if (registry !== undefined && services.length === 0) {
    throw new InvalidInput('options.service', service, 'must name the service that is announced');
  }
  for (const [i, name] of services.entries()) {
    if (services.indexOf(name) !== i)
      throw new InvalidInput(`options.service[${i}]`, name, 'must be there once');
  }
  const { withdrawTimeoutMs = 3_000, noticeMs = 5_000, graceMs = 20_000 } = options;
  for (const [name, value] of Object.entries({ withdrawTimeoutMs, noticeMs, graceMs })) {
    checkMs(value, `options.${name}`);
  }
  checkSignals(signals, 'options.signals');
  checkNames(options.healthOf ?? [], 'options.healthOf');
  checkFunction(options.onStopped, 'options.onStopped');
  checkFunction(options.onProblem, 'options.onProblem');
  if (typeof options.credentials !== 'object' || options.credentials === null) {
    throw new InvalidInput(
      'options.credentials',
      typeof options.credentials,
      'must be ServerCredentials of @grpc/grpc-js, such as ServerCredentials.createInsecure()',
    );
  }
  // A free port is asked for with 0, which no endpoint has.
  const bound = parseAddress(address.replace(/:0$/, ':1'), 'options.address');
  return { bound, options, services, signals, withdrawTimeoutMs, noticeMs, graceMs };
}

function bind(server: Server, { address, credentials }: ServeOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(new InvalidInput('options.address', address, `cannot be bound: ${error.message}`));
    });
  });
}

function healthNames({ healthOf = [] }: ServeOptions): readonly string[] {
  return ['', ...healthOf];
}

class Serving implements Provider {
  readonly address: string;
  readonly port: number;
  readonly presences: readonly Presence[];
  state: Provider['state'] = 'serving';
  readonly #server: Server;
  readonly #health: Health;
  readonly #steps: Steps;
  readonly #onSignal = () => this.#leave();
  #isSignalled = false;
  #drained: Promise<DrainReport> | undefined;
  /** Resolves when somebody is in a hurry: nothing is waited for any more. */
  readonly #hurried: Promise<void>;
  #hurry = () => {};

  constructor(
    server: Server,
    health: Health,
    steps: Steps,
    presences: readonly Presence[],
    where: { readonly address: string; readonly port: number },
  ) {
    this.#server = server;
    this.#health = health;
    this.#steps = steps;
    this.presences = presences;
    this.address = where.address;
    this.port = where.port;
    this.#hurried = new Promise((resolve) => {
      this.#hurry = resolve;
    });
    for (const signal of steps.signals) process.on(signal, this.#onSignal);
  }

  async update(change: AnnouncementChange): Promise<void> {
    await all(this.presences.map((presence) => presence.update(change)));
  }

  drain(): Promise<DrainReport> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  /** Ends what never was announced. */
  abandon(): void {
    this.#server.forceShutdown();
    this.#stop();
  }

  #stop(): void {
    for (const signal of this.#steps.signals) process.off(signal, this.#onSignal);
    this.state = 'stopped';
  }

  /** On the first signal, though it may be leaving already because `drain` was called; the second is in a hurry. */
  #leave(): void {
    if (this.#isSignalled) return this.#hurry();
    this.#isSignalled = true;
    const { onStopped = () => process.exit() } = this.#steps.options;
    void this.drain().then(onStopped);
  }

  async #drain(): Promise<DrainReport> {
    const { options, withdrawTimeoutMs, noticeMs, graceMs } = this.#steps;
    const clock = options.clock ?? systemClock;
    const startedMs = clock.nowMs();
    this.state = 'leaving';
    for (const name of healthNames(options)) this.#health.set(name, 'NOT_SERVING');
    const withdrawal = all(this.presences.map((presence) => presence.withdraw()));
    let letGo = false;
    const done = withdrawal.then(
      () => {
        letGo = true;
      },
      (error: unknown) => {
        const problem = new Error(`${this.address} could not be withdrawn: ${String(error)}`, {
          cause: error,
        });
        tellProblem(problem, options.onProblem);
      },
    );
    await within(Promise.race([done, this.#hurried]), withdrawTimeoutMs, clock);
    const withdrawn = letGo;
    // The registry may be told last of all: those who read it hear of it later still.
    await within(this.#hurried, noticeMs, clock);
    this.#health.endWatches();
    let finished = false;
    const ended = new Promise<void>((resolve) => {
      this.#server.tryShutdown(() => {
        finished = true;
        resolve();
      });
    });
    await within(Promise.race([ended, this.#hurried]), graceMs, clock);
    if (!finished) this.#server.forceShutdown();
    this.#stop();
    return { withdrawn, finished, tookMs: clock.nowMs() - startedMs };
  }
}
