/** The parts of a call that routes can look at: its host, and its metadata. Several values of one name are joined by commas. */
export interface RoutedCall {
  /** `:authority`, where the call names a host of its own. */
  readonly host: string | undefined;
  /** A header's value; undefined when the call has none of that name. */
  header(name: string): string | undefined;
}

/** Conditions on a text. It must meet each one that is given. */
export interface TextMatch {
  /** The text equals this. */
  readonly exact?: string;
  /** The text begins with this. */
  readonly prefix?: string;
  /** The text ends with this. */
  readonly suffix?: string;
  /** The pattern matches the whole text (RE2 in Envoy's config: `safe_regex`). */
  readonly pattern?: RegExp;
}

/** A condition on one header (Envoy: `HeaderMatcher`). With a name alone, the call must have the header. */
export interface HeaderMatch extends TextMatch {
  /** The header's name, in lower case. */
  readonly name: string;
  /** `false`: the call must not have the header. */
  readonly present?: boolean;
  /** Reverses the result, also for a header that is absent. */
  readonly invert?: boolean;
}

/** Which calls a route is for. All conditions that are given must hold. */
export interface RouteMatch {
  /** `/package.Service/Method`; default: every method. */
  readonly path?: TextMatch;
  /** Conditions on metadata. Default: none. */
  readonly headers?: readonly HeaderMatch[];
  /** The share of the calls that meet the other conditions, in [0, 1]. Default 1. */
  readonly share?: number;
}

/** Whether a path meets a condition. */
export function matchesPath({ path }: RouteMatch, text: string): boolean {
  return path === undefined || matchesText(path, text);
}

/** Whether a condition besides the path is given. */
export function isConditional({ headers, share }: RouteMatch): boolean {
  return (headers !== undefined && headers.length > 0) || (share !== undefined && share < 1);
}

/** Whether a call meets the conditions besides the path; `random` is a number in [0, 1) that is drawn for it. */
export function matchesCall({ headers, share }: RouteMatch, call: RoutedCall, random: number): boolean {
  if (share !== undefined && random >= share) return false;
  return headers === undefined || headers.every((condition) => matchesHeader(condition, call));
}

function matchesHeader(condition: HeaderMatch, call: RoutedCall): boolean {
  const value = call.header(condition.name);
  const { present = true, invert = false } = condition;
  const holds = value === undefined ? !present : present && matchesText(condition, value);
  return holds !== invert;
}

function matchesText({ exact, prefix, suffix, pattern }: TextMatch, text: string): boolean {
  if (exact !== undefined && text !== exact) return false;
  if (prefix !== undefined && !text.startsWith(prefix)) return false;
  if (suffix !== undefined && !text.endsWith(suffix)) return false;
  return pattern === undefined || pattern.exec(text)?.[0] === text;
}
