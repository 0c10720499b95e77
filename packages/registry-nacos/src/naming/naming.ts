import type { Clock, Timer } from '@podwire/registry';
import type { Session } from '../rpc/session.ts';
import type { ServiceRef } from '../service-ref.ts';

/** What Nacos says of one service, unchecked. */
export type ServiceInfo = Readonly<Record<string, unknown>>;

/** Who looks at a service. */
export interface ServiceListener {
  onInfo(info: ServiceInfo): void;
  /** The list was asked for and not given; pushes may come all the same. */
  onProblem(error: Error): void;
}

interface Subscription {
  readonly listeners: Set<ServiceListener>;
  last: ServiceInfo | undefined;
  lastRefTime: number;
  /** Requests of one service go one after another: a subscription must not overtake the end of the one before. */
  tail: Promise<void>;
}

/** A list is asked for this often although Nacos pushes: a push that was lost stays unnoticed no longer. */
const REFRESH_MS = 30_000;
/** After it was refused. */
const RETRY_MS = 5_000;

/** The services that are subscribed on one session: each once, however many look at it. */
export class Naming {
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #refs = new Map<string, ServiceRef>();
  #timer: Timer | undefined;

  constructor(session: Session, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
    session.onPush('NotifySubscriberRequest', ({ body }) => this.#accept(body.serviceInfo));
    session.onEnd(() => this.#timer?.cancel());
    this.#planRefresh();
  }

  /**
   * Tells `listener` what Nacos says of the service, now and after each change, until the function returned is called. The subscription is to all clusters: Nacos keeps one per service and connection.
   */
  async subscribe(ref: ServiceRef, listener: ServiceListener): Promise<() => void> {
    const key = keyOf(ref.group, ref.name);
    const known = this.#subscriptions.get(key);
    const subscription = known ?? {
      listeners: new Set(),
      last: undefined,
      lastRefTime: 0,
      tail: Promise.resolve(),
    };
    this.#subscriptions.set(key, subscription);
    const first = subscription.listeners.size === 0;
    subscription.listeners.add(listener);
    const leave = () => this.#leave(ref, subscription, listener);
    try {
      if (first) await this.#queue(subscription, () => this.#subscribe(ref));
      else await subscription.tail;
    } catch (error) {
      leave();
      throw error;
    }
    if (!first && subscription.last !== undefined) listener.onInfo(subscription.last);
    return leave;
  }

  /** Asks for the list now; listeners are told. */
  async #refresh(ref: ServiceRef): Promise<void> {
    const names = { namespace: ref.namespace, groupName: ref.group, serviceName: ref.name };
    const body = { ...names, cluster: '', healthyOnly: false, udpPort: 0 };
    const subscription = this.#subscriptions.get(keyOf(ref.group, ref.name));
    const before = subscription?.last;
    const reply = await this.#session.request('ServiceQueryRequest', body);
    // Nothing came meanwhile, so this is the newest, whatever times say: a wrong one must not hold for ever.
    if (subscription !== undefined && subscription.last === before) subscription.lastRefTime = 0;
    this.#accept(reply.serviceInfo);
  }

  async #subscribe(ref: ServiceRef): Promise<void> {
    this.#refs.set(keyOf(ref.group, ref.name), ref);
    const reply = await this.#session.request('SubscribeServiceRequest', subscribeBody(ref, true));
    this.#accept(reply.serviceInfo, keyOf(ref.group, ref.name));
  }

  #leave(ref: ServiceRef, subscription: Subscription, listener: ServiceListener): void {
    if (!subscription.listeners.delete(listener) || subscription.listeners.size > 0) return;
    const end = async () => {
      if (subscription.listeners.size > 0) return;
      this.#subscriptions.delete(keyOf(ref.group, ref.name));
      this.#refs.delete(keyOf(ref.group, ref.name));
      await this.#session.request('SubscribeServiceRequest', subscribeBody(ref, false));
    };
    if (this.#session.error === undefined) this.#queue(subscription, end).catch(() => {});
  }

  #queue(subscription: Subscription, work: () => Promise<void>): Promise<void> {
    const done = subscription.tail.then(work);
    subscription.tail = done.catch(() => {});
    return done;
  }

  /** Refuses what is older than what is known: pushes and answers overtake one another. */
  #accept(value: unknown, asked?: string): void {
    const info = typeof value === 'object' && value !== null ? (value as ServiceInfo) : {};
    const key = asked ?? keyOfInfo(info);
    const subscription = key === undefined ? undefined : this.#subscriptions.get(key);
    if (subscription === undefined) return;
    const time = typeof info.lastRefTime === 'number' ? info.lastRefTime : subscription.lastRefTime;
    if (time < subscription.lastRefTime) return;
    subscription.lastRefTime = time;
    subscription.last = info;
    for (const listener of subscription.listeners) listener.onInfo(info);
  }

  #planRefresh(delayMs = REFRESH_MS): void {
    this.#timer = this.#clock.after(delayMs, async () => {
      let next = REFRESH_MS;
      const refresh = async (ref: ServiceRef) => {
        const subscription = this.#subscriptions.get(keyOf(ref.group, ref.name));
        try {
          await this.#refresh(ref);
        } catch (error) {
          next = RETRY_MS;
          for (const listener of subscription?.listeners ?? []) listener.onProblem(error as Error);
        }
      };
      await Promise.all([...this.#refs.values()].map(refresh));
      if (this.#session.error === undefined) this.#planRefresh(next);
    });
  }
}

/** Of which service it is: some servers put the group before the name as well. */
function keyOfInfo({ groupName: group, name }: ServiceInfo): string | undefined {
  if (typeof group !== 'string' || typeof name !== 'string') return undefined;
  return keyOf(group, name.startsWith(`${group}@@`) ? name.slice(group.length + 2) : name);
}

const keyOf = (group: string, name: string) => `${group}@@${name}`;

function subscribeBody({ namespace, group, name }: ServiceRef, subscribe: boolean) {
  return { namespace, groupName: group, serviceName: name, clusters: '', subscribe };
}
