import type { Clock, Random } from '@podwire/core';
import type { Registry } from '../registry.ts';
import { type Subscriber, Subscription } from './subscription.ts';

/** The subscriptions of this process: by clock for registries that have a key, by registry for the others. */
const open = new WeakMap<object, Map<string, Subscription>>();

/** A subscription that several watches may share; it ends when the last of them releases it. */
export interface SharedSubscription {
  readonly subscription: Subscription;
  release(): void;
}

/** Joins the watch of a service, or starts it. */
export function subscribe(
  registry: Registry,
  service: string,
  clock: Clock,
  random: Random,
  subscriber: Subscriber,
): SharedSubscription {
  const owner = registry.key === undefined ? registry : clock;
  const key = JSON.stringify([registry.key, service]);
  const known = open.get(owner) ?? new Map<string, Subscription>();
  open.set(owner, known);
  const subscription = known.get(key) ?? new Subscription(registry, service, clock, random);
  known.set(key, subscription);
  subscription.subscribers.add(subscriber);
  return {
    subscription,
    release() {
      subscription.subscribers.delete(subscriber);
      if (subscription.subscribers.size > 0 || known.get(key) !== subscription) return;
      known.delete(key);
      subscription.close();
    },
  };
}
