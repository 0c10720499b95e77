import { isConditional, matchesCall, matchesPath, type RoutedCall, type RouteMatch } from './match.ts';
import type { Route } from './route.ts';

/** The routes of one service. Immutable: another version replaces it whole. */
export interface RouteTable<C> {
  /** The routes of a method. Called once for each method and version of the table. */
  forMethod(path: string): MethodRoutes<C>;
}

/** The routes that calls of one method may take. */
export interface MethodRoutes<C> {
  /** Set when nothing but the path decides: then nothing is matched per call. */
  readonly only: Route<C> | undefined;
  /** The first route whose conditions a call meets; `random` draws numbers in [0, 1). */
  match(call: RoutedCall, random: () => number): Route<C> | undefined;
}

/** A route, and the calls that it is for. */
export interface Rule<C> {
  /** Which calls it is for. */
  readonly match: RouteMatch;
  /** The route that they take. */
  readonly route: Route<C>;
}

/** A table with one route for every call. */
export function singleRoute<C>(route: Route<C>): RouteTable<C> {
  const routes = { only: route, match: () => route };
  return { forMethod: () => routes };
}

/** A table in which the first rule that a call meets decides. A call that meets none has no route. */
export function createRouteTable<C>(rules: readonly Rule<C>[]): RouteTable<C> {
  return {
    forMethod(path) {
      const possible = rules.filter(({ match }) => matchesPath(match, path));
      const end = possible.findIndex(({ match }) => !isConditional(match));
      const left = end < 0 ? possible : possible.slice(0, end + 1);
      return {
        only: end === 0 ? left[0]!.route : undefined,
        match(call, random) {
          // One number for all rules, as in Envoy: shares of rules in a row add up.
          const drawn = random();
          return left.find(({ match }) => matchesCall(match, call, drawn))?.route;
        },
      };
    },
  };
}
