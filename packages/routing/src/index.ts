export type { HeaderMatch, RoutedCall, RouteMatch, TextMatch } from './match.ts';
export { createRoute, type Route, type WeightedCluster } from './route.ts';
export {
  createRouteTable,
  type MethodRoutes,
  type RouteTable,
  type Rule,
  singleRoute,
} from './route-table.ts';
