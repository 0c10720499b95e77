import type { Clock, Timer } from '@podwire/core';
import { NacosError } from '../error.ts';
import type { Session } from '../rpc/session.ts';
import { Subscription } from '../rpc/subscription.ts';
import type { ServiceRef } from '../service-ref.ts';

/** Nacos's list of one service, unchecked. */
export type ServiceInfo = Readonly<Record<string, unknown>>;

/** Listens to a service's list. */
export interface ServiceListener {
  onInfo(info: ServiceInfo): void;
  /** A request for the list failed; pushes may still come. */
  onProblem(error: Error): void;
}

interface Service {
  readonly ref: ServiceRef;
  readonly subscription: Subscription<ServiceListener>;
  last: ServiceInfo | undefined;
  lastRefTime: number;
  /** A list had a change that was not pushed yet. */
  isAhead: boolean;
  /** No push followed either: changes arrive with requested lists alone. */
  isPushLost: boolean;
  recheck: Timer | undefined;
}

/** How often to ask for the list although Nacos pushes, so that a lost push is noticed. */
const REFRESH_MS = 30_000;
/** The same after a failed request, and while changes are not pushed. */
const RETRY_MS = 5_000;
/** When a Pod stops answering, a push usually follows, which Nacos delays by 0.5 s: wait for that before asking. */
const RECHECK_MS = 2_000;

/** The services that are subscribed on one session: each once, however many look at it. */
export class Naming {
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #services = new Map<string, Service>();
  #timer: Timer | undefined;

  constructor(session: Session, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
    session.onPush('NotifySubscriberRequest', ({ body }) => {
      const info = readInfo(body.serviceInfo);
      const key = keyOfInfo(info);
      const service = key === undefined ? undefined : this.#services.get(key);
      if (service === undefined) return;
      service.isAhead = false;
      service.isPushLost = false;
      service.recheck?.cancel();
      service.recheck = undefined;
      this.#accept(service, info);
    });
    session.onEnd(() => {
      this.#timer?.cancel();
      for (const { recheck } of this.#services.values()) recheck?.cancel();
    });
    this.#planRefresh();
  }

  /**
   * Tells `listener` what Nacos says of the service, now and after each change, until the function returned is called. The
   * subscription is to all clusters: Nacos keeps one per service and connection.
   */
  async subscribe(ref: ServiceRef, listener: ServiceListener): Promise<() => void> {
    const key = keyOf(ref.group, ref.name);
    const service = this.#services.get(key) ?? this.#make(key, ref);
    this.#services.set(key, service);
    const leave = await service.subscription.join(listener);
    if (service.last !== undefined) listener.onInfo(service.last);
    return leave;
  }

  /** A caller has reason to think that Nacos knows better: asks for the list, unless a push comes first. */
  recheck(group: string, name: string): void {
    const service = this.#services.get(keyOf(group, name));
    if (service === undefined || service.recheck !== undefined || this.#session.error !== undefined) return;
    service.recheck = this.#clock.after(RECHECK_MS, () => {
      service.recheck = undefined;
      this.#refresh(service).then(
        // Check soon whether a push with this change follows.
        () => service.isAhead && this.#planRefresh(RETRY_MS),
        (error: Error) => {
          for (const listener of service.subscription.listeners) listener.onProblem(error);
        },
      );
    });
  }

  #make(key: string, ref: ServiceRef): Service {
    const subscribe = (isOn: boolean) =>
      this.#session.request('SubscribeServiceRequest', subscribeBody(ref, isOn));
    const subscription = new Subscription<ServiceListener>({
      begin: async () => {
        const { serviceInfo } = await subscribe(true);
        this.#accept(service, readInfo(serviceInfo));
      },
      end: async () => {
        service.last = undefined;
        service.lastRefTime = 0;
        if (this.#session.error === undefined) await subscribe(false);
      },
      onOver: () => {
        service.recheck?.cancel();
        this.#services.delete(key);
      },
    });
    const unknown = {
      last: undefined,
      lastRefTime: 0,
      isAhead: false,
      isPushLost: false,
      recheck: undefined,
    };
    const service: Service = { ref, subscription, ...unknown };
    return service;
  }

  /** Asks for the list now; listeners are told. */
  async #refresh(service: Service): Promise<void> {
    const { ref, last: before } = service;
    const names = { namespace: ref.namespace, groupName: ref.group, serviceName: ref.name };
    const body = { ...names, cluster: '', healthyOnly: false, udpPort: 0 };
    const wasAhead = service.isAhead;
    const { serviceInfo } = await this.#session.request('ServiceQueryRequest', body);
    const info = readInfo(serviceInfo);
    // No push came meanwhile, so this list is the newest, whatever its time says: one wrong time must not block changes for ever.
    if (service.last === before) {
      service.lastRefTime = 0;
      if (wasAhead) service.isPushLost = true;
      else if (before !== undefined && isNews(before, info)) service.isAhead = true;
    }
    this.#accept(service, info);
    if (!service.isPushLost) return;
    const problem = new NacosError(
      `Nacos at ${this.#session.server} does not push changes, only lists pass, which are asked for every ${RETRY_MS / 1000} s: does a proxy on the way hold streams back?`,
    );
    for (const listener of service.subscription.listeners) listener.onProblem(problem);
  }

  /** Takes a list unless a newer one is known: pushes and answers overtake one another. */
  #accept(service: Service, info: ServiceInfo): void {
    const time = typeof info.lastRefTime === 'number' ? info.lastRefTime : service.lastRefTime;
    if (time < service.lastRefTime) return;
    service.lastRefTime = time;
    service.last = info;
    for (const listener of service.subscription.listeners) listener.onInfo(info);
  }

  #planRefresh(delayMs = REFRESH_MS): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(delayMs, async () => {
      let next = REFRESH_MS;
      const refresh = async (service: Service) => {
        try {
          await this.#refresh(service);
        } catch (error) {
          next = RETRY_MS;
          for (const listener of service.subscription.listeners) listener.onProblem(error as Error);
        }
      };
      const services = [...this.#services.values()];
      await Promise.all(services.map(refresh));
      if (services.some(({ isAhead }) => isAhead)) next = RETRY_MS;
      if (this.#session.error === undefined) this.#planRefresh(next);
    });
  }
}

/** Whether the Pods or their states differ, in whatever order. Changes of metadata can wait. */
function isNews(before: ServiceInfo, after: ServiceInfo): boolean {
  const known = new Set(statesOf(before));
  const now = statesOf(after);
  return known.size !== new Set(now).size || now.some((state) => !known.has(state));
}

function statesOf({ hosts }: ServiceInfo): readonly string[] {
  if (!Array.isArray(hosts)) return [];
  return hosts.map((host: ServiceInfo | null | undefined) => {
    const { ip, port, weight, healthy, enabled } = host ?? {};
    return [ip, port, weight, healthy, enabled]
      .map((value) => (typeof value === 'object' ? '' : value))
      .join();
  });
}

function readInfo(value: unknown): ServiceInfo {
  return typeof value === 'object' && value !== null ? (value as ServiceInfo) : {};
}

/** The key of the list's service: some servers also put the group before the name. */
function keyOfInfo({ groupName: group, name }: ServiceInfo): string | undefined {
  if (typeof group !== 'string' || typeof name !== 'string') return undefined;
  return keyOf(group, name.startsWith(`${group}@@`) ? name.slice(group.length + 2) : name);
}

const keyOf = (group: string, name: string) => `${group}@@${name}`;

function subscribeBody({ namespace, group, name }: ServiceRef, subscribe: boolean) {
  return { namespace, groupName: group, serviceName: name, clusters: '', subscribe };
}
