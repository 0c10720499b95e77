import { MethodNorm } from '@podwire/balancer';
import type { Random } from '@podwire/core';
import type { MethodRoutes, Route } from '@podwire/routing';
import { CallPlan, type PlannedMethod, type Planner } from '../call/call-plan.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { checkMethodPath } from '../options/check.ts';
import type { MethodConfig } from '../options/method-config.ts';
import type { Settings } from '../options/settings.ts';
import type { Destination } from './destination.ts';

/** How many methods are kept: more than a service has. A gateway may see an unbounded number of method names. */
const MAX_METHODS = 1_000;

/** One method, with the plans that were made for its calls. */
class RoutedMethod implements PlannedMethod {
  readonly path: string;
  readonly norm: MethodNorm = new MethodNorm();
  only: CallPlan | undefined;
  /** Undefined until a call asks, and again once the routes changed. */
  routes: MethodRoutes<MethodConfig> | undefined;
  /** Whether the method is no longer kept, because there were too many: then each call makes its plan anew. */
  isForgotten = false;
  /** Plans by route, and by the cluster's name. */
  readonly plans: Map<Route<MethodConfig>, Map<string, CallPlan>> = new Map();

  constructor(path: string) {
    this.path = path;
  }

  /** Forgets all plans, because they are out of date. */
  reset(): void {
    for (const plans of this.plans.values()) for (const plan of plans.values()) plan.isCurrent = false;
    this.plans.clear();
    this.only = undefined;
    this.routes = undefined;
  }
}

/** Gives each call its plan, by the routes of the destination in use and the settings of the call's method. */
export class Router implements Planner {
  readonly #random: Random;
  readonly #methods = new Map<string, RoutedMethod>();
  #settings: Settings;
  #destination: Destination | undefined;

  constructor(settings: Settings, random: Random) {
    this.#settings = settings;
    this.#random = random;
  }

  /** New calls, and those that wait, go to another destination, or by other settings. */
  use(destination: Destination, settings: Settings = this.#settings): void {
    this.#destination = destination;
    this.#settings = settings;
    for (const method of this.#methods.values()) method.reset();
  }

  /** The method that `createCall` gives to its call. Throws {@link InvalidInput} for a path that cannot be sent. */
  method(path: string): PlannedMethod {
    let method = this.#methods.get(path);
    if (method === undefined) {
      checkMethodPath(path, 'method');
      method = new RoutedMethod(path);
      if (this.#methods.size === MAX_METHODS) this.#forgetOldest();
      this.#methods.set(path, method);
    }
    return method;
  }

  plan(
    planned: PlannedMethod,
    host: string | undefined,
    header: (name: string) => string | undefined,
  ): CallPlan | undefined {
    const method = planned as RoutedMethod;
    const destination = this.#destination!;
    method.routes ??= destination.routes.forMethod(method.path);
    const { only } = method.routes;
    const route = only ?? method.routes.match({ host, header }, this.#random);
    if (route === undefined) return undefined;
    const name = route.clusters.length === 1 ? route.clusters[0]!.cluster : route.cluster(this.#random());
    const plan = this.#planFor(method, route, name, destination);
    const isOnly = only !== undefined && route.clusters.length === 1;
    if (method.isForgotten) method.reset();
    else if (isOnly) method.only = plan;
    return plan;
  }

  #planFor(
    method: RoutedMethod,
    route: Route<MethodConfig>,
    name: string,
    destination: Destination,
  ): CallPlan | undefined {
    let plans = method.plans.get(route);
    if (plans === undefined) {
      plans = new Map();
      method.plans.set(route, plans);
    }
    let plan = plans.get(name);
    if (plan === undefined) {
      const cluster = destination.clusters.get(name);
      if (cluster === undefined) return undefined;
      plan = this.#make(method, route.config, cluster);
      plans.set(name, plan);
    }
    return plan;
  }

  #make({ path, norm }: RoutedMethod, ofRoute: MethodConfig, cluster: Cluster): CallPlan {
    const settings = this.#settings;
    const { retry, hedging, ...ofService } = settings.serviceConfig.methodConfig(path);
    const hasRetries = ofRoute.retry !== undefined || ofRoute.hedging !== undefined;
    // A method has one of the two at most, so a route that gives one does not inherit the other.
    const config = {
      ...ofService,
      ...(!hasRetries && { ...(retry && { retry }), ...(hedging && { hedging }) }),
      ...ofRoute,
    };
    const { retry: _retry, hedging: _hedging, ...withoutRetries } = config;
    return new CallPlan({
      cluster,
      path,
      norm,
      config: settings.retries ? config : withoutRetries,
      maxSendBytes: smaller(settings.maxSendBytes, config.maxSendBytes),
      maxReceiveBytes: smaller(settings.maxReceiveBytes, config.maxReceiveBytes),
      needsHash: settings.policy.needsHash || cluster.policy.needsHash,
    });
  }

  #forgetOldest(): void {
    for (const [path, method] of this.#methods) {
      this.#methods.delete(path);
      method.isForgotten = true;
      return method.reset();
    }
  }
}

/** The smaller of two limits, where -1 and undefined mean no limit. */
function smaller(a: number, b: number | undefined): number {
  if (b === undefined || b < 0) return a;
  return a < 0 ? b : Math.min(a, b);
}
