import type { Configs } from '../config/configs.ts';
import type { OpenSession } from '../connection/connection.ts';
import { applicationMetadata, metadataInfo, revisionOf } from '../dubbo/describe.ts';
import { addToMapping, followMapping } from '../dubbo/mapping.ts';
import type { DubboRef } from '../dubbo/ref.ts';
import { NacosError } from '../error.ts';
import type { ServiceRef } from '../service-ref.ts';
import type { Instance, Publisher } from './publisher.ts';

/** Makes the instance, given what Dubbo wants in its metadata. */
type MakeInstance = (metadata: Readonly<Record<string, string>>) => Instance;

interface ApplicationPod {
  readonly ref: ServiceRef;
  readonly application: string;
  readonly port: number;
  readonly interfaces: Map<string, DubboRef>;
  make: MakeInstance;
  /** What Nacos was told about the Pod, and on which session. */
  told: { readonly configs: Configs; readonly revision: string; readonly leave: () => void } | undefined;
}

/**
 * Pods as Dubbo's applications: one instance for all interfaces of a Pod. Nacos's configs hold the list of these interfaces, and
 * which application provides each.
 */
export class ApplicationPods {
  readonly #publisher: Publisher;
  readonly #pods = new Map<string, ApplicationPod>();

  constructor(publisher: Publisher) {
    this.#publisher = publisher;
  }

  async put(ref: ServiceRef, dubbo: DubboRef, id: string, port: number, make: MakeInstance): Promise<void> {
    const application = dubbo.applications[0]!;
    const key = `${ref.group}@@${application}@@${id}`;
    const known = this.#pods.get(key);
    const fresh: ApplicationPod = {
      ...{ ref: { ...ref, name: application }, application, port, make },
      ...{ interfaces: new Map(), told: undefined },
    };
    const pod = known ?? fresh;
    const before = { make: pod.make, had: pod.interfaces.has(keyOf(dubbo)) };
    this.#pods.set(key, pod);
    pod.interfaces.set(keyOf(dubbo), dubbo);
    pod.make = make;
    try {
      await this.#publish(pod, id);
    } catch (error) {
      if (!before.had) {
        pod.make = before.make;
        pod.interfaces.delete(keyOf(dubbo));
        if (pod.interfaces.size === 0) this.#forget(key, pod);
        // A request without an answer may have taken effect, or will on the next connection.
        else await this.#publish(pod, id).catch(() => {});
      } else if (error instanceof NacosError && !error.unreachable) {
        pod.make = before.make;
      }
      throw error;
    }
  }

  async remove(ref: ServiceRef, dubbo: DubboRef, id: string): Promise<void> {
    const key = `${ref.group}@@${dubbo.applications[0]}@@${id}`;
    const pod = this.#pods.get(key);
    if (pod === undefined || !pod.interfaces.delete(keyOf(dubbo))) return;
    if (pod.interfaces.size > 0) return this.#publish(pod, id);
    this.#forget(key, pod);
    await this.#publisher.remove(pod.ref, id);
  }

  #publish(pod: ApplicationPod, id: string): Promise<void> {
    const refs = [...pod.interfaces.values()];
    const revision = revisionOf(refs);
    const instance = pod.make(applicationMetadata(id, pod.port, revision));
    return this.#publisher.put(pod.ref, id, instance, (opened) => this.#tell(pod, refs, revision, opened));
  }

  /** Writes the configs that consumers read, before they can see the instance. */
  async #tell(
    pod: ApplicationPod,
    refs: readonly DubboRef[],
    revision: string,
    { configs }: OpenSession,
  ): Promise<void> {
    if (pod.told?.configs === configs && pod.told.revision === revision) return;
    const { application } = pod;
    const info = metadataInfo(application, revision, refs);
    await configs.edit(application, revision, () => info);
    const leavers: (() => void)[] = [];
    const leave = () => {
      for (const one of leavers) one();
    };
    try {
      for (const name of new Set(refs.map((ref) => ref.interface))) {
        await addToMapping(configs, name, application);
        // Dubbo's own writers do not compare: one that read before us overwrites what we wrote.
        const keep = (applications: readonly string[]) => {
          if (!applications.includes(application)) addToMapping(configs, name, application).catch(() => {});
        };
        leavers.push(await followMapping(configs, name, keep));
      }
    } catch (error) {
      leave();
      throw error;
    }
    pod.told?.leave();
    pod.told = { configs, revision, leave };
  }

  #forget(key: string, pod: ApplicationPod): void {
    pod.told?.leave();
    pod.told = undefined;
    this.#pods.delete(key);
  }
}

const keyOf = ({ group, interface: name, version }: DubboRef) => `${group}/${name}:${version}`;
