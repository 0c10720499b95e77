import { setMaxListeners } from 'node:events';
import type { Registry, RegistryUpdate, RegistryWatchOptions } from '@podwire/registry';
import { type Cluster, openCluster } from './cluster.ts';
import { follow } from './follow.ts';
import { type KubernetesOptions, readOptions, type Settings } from './options.ts';
import { parseServiceRef, type ServiceRef } from './service-ref.ts';
import { Viewer } from './slices/view.ts';

/**
 * The Pods of Kubernetes Services: `kubernetes:///orders.prod:grpc`, as the API server's EndpointSlices list them. Needs
 * the verbs list and watch on endpointslices in the Service's namespace, and nothing else. Throws `InvalidInput` for
 * options that are wrong; credentials are looked for when the first service is watched.
 */
export function kubernetes(options: KubernetesOptions = {}): Registry {
  const settings = readOptions(options);
  const closed = new AbortController();
  // One listener for each watch.
  setMaxListeners(0, closed.signal);
  let cluster: Cluster | undefined;
  return {
    scheme: 'kubernetes',
    source: 'registry',
    check(service) {
      parseServiceRef(service);
    },
    watch(service, { signal, onRecheck }) {
      const ref = parseServiceRef(service);
      cluster ??= openCluster(settings);
      return watchService(cluster, settings, ref, [signal, closed.signal], onRecheck);
    },
    async zoneOf(service, node) {
      cluster ??= openCluster(settings);
      const ref = parseServiceRef(service);
      const namespace = ref.namespace ?? settings.namespace ?? (await cluster.client.namespace());
      return cluster.zoneOf(namespace, node);
    },
    async close() {
      closed.abort();
    },
  };
}

async function* watchService(
  cluster: Cluster,
  settings: Settings,
  ref: ServiceRef,
  signals: readonly AbortSignal[],
  onRecheck: RegistryWatchOptions['onRecheck'],
): AsyncGenerator<RegistryUpdate> {
  const namespace = ref.namespace ?? settings.namespace ?? (await cluster.client.namespace());
  const reflector = cluster.reflector(namespace, ref.name);
  yield* follow(reflector, new Viewer(ref.port, settings.addressTypes), signals, onRecheck);
}
