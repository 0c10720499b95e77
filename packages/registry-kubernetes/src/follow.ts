import { type Endpoint, type RegistryUpdate, sameEndpoint } from '@podwire/registry';
import type { Reflector } from './reflector.ts';
import type { View, Viewer } from './slices/view.ts';

/** Yields the changes for one target until one of `signals` aborts; throws when the reflector fails. */
export async function* follow(
  reflector: Reflector,
  viewer: Viewer,
  signals: readonly AbortSignal[],
  onRecheck?: (look: () => void) => void,
): AsyncGenerator<RegistryUpdate> {
  if (signals.some(({ aborted }) => aborted)) return;
  const subscription = reflector.join();
  const leave = () => subscription.leave();
  onRecheck?.(() => reflector.recheck());
  for (const signal of signals) signal.addEventListener('abort', leave, { once: true });
  try {
    let seen: View | undefined;
    let saidDoubt: string | undefined;
    while (await subscription.changed()) {
      const view = viewer.view(reflector.objects);
      const faults = [...reflector.unusable, ...view.dropped];
      // Objects of other services do not matter to a service that is empty.
      const isEmpty = view.endpoints.size === 0 && faults.length === 0;
      const now = { ...view, dropped: isEmpty ? [] : [...reflector.strays, ...faults] };
      const whyEmpty = () => why(reflector, now);
      const update = difference(seen, now, whyEmpty);
      const { doubt } = reflector;
      // Yielding the set again clears the problem that was reported.
      const told =
        update ?? (doubt === undefined && saidDoubt !== undefined ? all(now, whyEmpty) : undefined);
      seen = now;
      if (told !== undefined) yield told;
      if (doubt !== undefined && (told !== undefined || doubt !== saidDoubt)) {
        yield { type: 'problem', reason: `only lists pass, which are asked for again and again: ${doubt}` };
      }
      saidDoubt = doubt;
    }
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', leave);
    subscription.leave();
  }
}

function why({ objects, service, resource }: Reflector, view: View): string {
  const { name, namespace } = service;
  if ([...objects].length > 0) return `Service ${name} in namespace ${namespace}: ${view.empty}`;
  return `there are no ${resource} of a Service ${name} in namespace ${namespace}: check both names (kubectl get endpointslices -n ${namespace} -l kubernetes.io/service-name=${name})`;
}

/** The smallest single update with the whole change, so that no reader sees a set that is half changed. */
export function difference(
  before: View | undefined,
  after: View,
  whyEmpty: () => string,
): RegistryUpdate | undefined {
  const { endpoints, dropped } = after;
  const said = dropped.length > 0 ? { dropped } : {};
  if (endpoints.size === 0 && dropped.length === 0) {
    const same = before !== undefined && before.endpoints.size === 0 && before.empty === after.empty;
    return same && before.dropped.length === 0 ? undefined : all(after, whyEmpty);
  }
  const reset = all(after, whyEmpty);
  // `watchService` ignores a reset without a usable endpoint, so it may still hold the set before that one.
  if (before === undefined || before.endpoints.size === 0) return reset;
  const changed: Endpoint[] = [];
  for (const endpoint of endpoints.values()) {
    const known = before.endpoints.get(endpoint.id);
    if (known === undefined || !sameEndpoint(known, endpoint)) changed.push(endpoint);
  }
  const gone = [...before.endpoints.keys()].filter((id) => !endpoints.has(id));
  const saysTheSame = before.dropped.join('\n') === dropped.join('\n');
  if (gone.length === 0) {
    // `watchService` would read an upsert with dropped entries alone as "nothing can be used".
    if (changed.length === 0) return saysTheSame ? undefined : reset;
    return { type: 'upsert', endpoints: changed, ...said };
  }
  // An update of type `remove` cannot name dropped entries, which would then count as none.
  return changed.length > 0 || dropped.length > 0 ? reset : { type: 'remove', ids: gone };
}

/** The whole view as one update. */
function all({ endpoints, dropped }: View, whyEmpty: () => string): RegistryUpdate {
  if (endpoints.size === 0 && dropped.length === 0) return { type: 'missing', reason: whyEmpty() };
  return { type: 'reset', endpoints: [...endpoints.values()], ...(dropped.length > 0 ? { dropped } : {}) };
}
