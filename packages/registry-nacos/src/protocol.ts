import type { RegistryUpdate, RegistryWatchOptions } from '@podwire/registry';
import type { ApplicationPods } from './announce/application-pods.ts';
import type { Publisher } from './announce/publisher.ts';
import type { ServiceRef } from './service-ref.ts';

/** One of the ways to talk to Nacos: over gRPC, or over HTTP. */
export interface Protocol {
  /** Tells all changes of one service until `signal` aborts; throws when Nacos fails. */
  watch(ref: ServiceRef, options: RegistryWatchOptions): AsyncIterable<RegistryUpdate>;
  /** The publishers that keep Pods registered in a namespace. */
  publishers(namespace: string): Publishers;
}

export interface Publishers {
  readonly publisher: Pick<Publisher, 'put' | 'remove'>;
  /** Undefined where Nacos's configs, which Dubbo's applications need, cannot be reached. */
  readonly applications: Pick<ApplicationPods, 'put' | 'remove'> | undefined;
}
