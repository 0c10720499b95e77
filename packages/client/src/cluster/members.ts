import type { Endpoint } from '@podwire/registry';
import { ClientPod, type PodOwner } from '../pod/pod.ts';

/** The Pods of a cluster: those that the registry names now, and those that left and are finishing their calls. */
export class Members {
  /** The Pods of the set, by id. */
  readonly byId = new Map<string, ClientPod>();
  /** The Pods of the set, in its order. */
  order: readonly ClientPod[] = [];
  readonly #owner: PodOwner;
  readonly #drainMs: () => number;
  /** Pods that left the set and are not closed. A Pod that comes back is taken from here. */
  readonly #leaving = new Map<string, ClientPod>();
  /** Counts the sets; each Pod knows the last one that named it. */
  #generation = 0;

  /** `drainMs` is how long a Pod that leaves may finish its calls. */
  constructor(owner: PodOwner, drainMs: () => number) {
    this.#owner = owner;
    this.#drainMs = drainMs;
  }

  /** Pods of the set and those that drain. */
  get all(): ClientPod[] {
    return [...this.order, ...this.#leaving.values()];
  }

  /** Takes a new set: keeps the Pods that stay, makes the new ones, and drains those that left. Returns the new ones. */
  update(endpoints: readonly Endpoint[]): readonly ClientPod[] {
    const before = this.order;
    const order: ClientPod[] = [];
    const added: ClientPod[] = [];
    this.#generation += 1;
    // Nearly all Pods stay, and in the same order. They are found without a look into the map.
    let at = 0;
    for (const endpoint of endpoints) {
      let pod = before[at];
      if (pod?.endpoint !== endpoint) {
        pod = this.byId.get(endpoint.id);
        if (pod !== undefined) while (at < before.length && before[at] !== pod) at += 1;
      }
      if (pod !== undefined) {
        at += 1;
        if (pod.endpoint !== endpoint) pod.update(endpoint);
      } else {
        pod = this.#add(endpoint);
        added.push(pod);
      }
      pod.generation = this.#generation;
      order.push(pod);
    }
    this.order = order;
    for (const pod of before) {
      if (pod.generation === this.#generation) continue;
      this.byId.delete(pod.id);
      this.#leave(pod);
    }
    return added;
  }

  /** All Pods leave. */
  drain(): void {
    const { order } = this;
    this.order = [];
    this.byId.clear();
    for (const pod of order) this.#leave(pod);
  }

  /** Ends the calls of all Pods. */
  close(reason: string): void {
    for (const pod of this.all) pod.close(reason);
    this.#leaving.clear();
  }

  /** A Pod is closed. */
  forget(pod: ClientPod): void {
    this.#leaving.delete(pod.id);
  }

  /** Makes a Pod, or takes back one that left and is still draining. */
  #add(endpoint: Endpoint): ClientPod {
    const back = this.#leaving.get(endpoint.id);
    this.#leaving.delete(endpoint.id);
    const returns = back !== undefined && back.state === 'draining';
    const pod = returns ? back : new ClientPod(endpoint, this.#owner);
    this.byId.set(endpoint.id, pod);
    if (returns) pod.update(endpoint);
    return pod;
  }

  #leave(pod: ClientPod): void {
    this.#leaving.set(pod.id, pod);
    pod.drain(this.#drainMs());
  }
}
