import type { Clock, Random } from './clock.ts';
import { DEFAULT_PORT, dnsRegistry, parseName } from './dns/dns-registry.ts';
import { InvalidInput } from './endpoint.ts';
import { fileRegistry } from './file/file-registry.ts';
import type { Registry } from './registry.ts';
import { staticRegistry } from './static.ts';
import { parseTarget, type Target } from './target.ts';

/** A target with the registry that serves it. */
export interface OpenedTarget {
  readonly target: Target;
  readonly registry: Registry;
  /** What the registry calls the service. */
  readonly service: string;
}

const BUILT_IN = ['static', 'file', 'dns'];

/**
 * Finds the registry for a target: `static:///a:1,b:2`, `file:///path#service`, `dns:///host:port`, or one of `registries`
 * by its scheme, which is given the target's path and query. Throws {@link InvalidInput}.
 */
export function openTarget(
  text: string,
  env: { readonly clock: Clock; readonly random: Random },
  registries: readonly Registry[] = [],
): OpenedTarget {
  const schemes = [...registries.map(({ scheme }) => scheme), ...BUILT_IN];
  const target = parseTarget(text, schemes);
  const given = registries.find(({ scheme }) => scheme === target.scheme);
  if (given !== undefined) {
    const query = target.query.toString();
    return { target, registry: given, service: query === '' ? target.path : `${target.path}?${query}` };
  }
  return { target, ...builtIn(target, env) };
}

function builtIn(
  target: Target,
  env: { readonly clock: Clock; readonly random: Random },
): Omit<OpenedTarget, 'target'> {
  for (const key of target.query.keys())
    throw new InvalidInput('target', target.text, `takes no option '${key}'`);
  switch (target.scheme) {
    case 'static':
      return { registry: staticRegistry(target.path, 'target'), service: target.path };
    case 'file': {
      if (target.fragment === '') {
        throw new InvalidInput(
          'target',
          target.text,
          "must name the service after '#', as in file:///etc/podwire/services.json#orders",
        );
      }
      return {
        registry: fileRegistry(`/${target.path.replace(/^\/+/, '')}`, { clock: env.clock }),
        service: target.fragment,
      };
    }
    default: {
      parseName(target.path, DEFAULT_PORT);
      const servers = target.authority === '' ? [] : [target.authority];
      return {
        registry: dnsRegistry({ servers, clock: env.clock, random: env.random }),
        service: target.path,
      };
    }
  }
}
