/**
 * Rules for metadata whose names belong to the protocol. `replaced`: podwire sends its own value, or none, as grpc-js does.
 * `timeout`: the same, if the call has a deadline. `single`: one value at most (RFC 9110 §11.6.2). `refused`: HTTP/2 forbids the
 * header (RFC 9113 §8.2.2), or its value must match what is sent; in grpc-js such a call hangs, or the server ends it.
 */
type Rule = 'replaced' | 'timeout' | 'single' | 'refused';

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['content-type', 'replaced'],
  ['te', 'replaced'],
  ['user-agent', 'replaced'],
  ['grpc-encoding', 'replaced'],
  ['grpc-accept-encoding', 'replaced'],
  ['grpc-timeout', 'timeout'],
  ['authorization', 'single'],
  ['connection', 'refused'],
  ['content-length', 'refused'],
  ['http2-settings', 'refused'],
  ['keep-alive', 'refused'],
  ['proxy-connection', 'refused'],
  ['transfer-encoding', 'refused'],
  ['upgrade', 'refused'],
]);

/** The rule for metadata of this name; undefined when it is sent as it is. */
export function ruleFor(name: string): Rule | undefined {
  const rule = RULES.get(name);
  if (rule !== undefined) return rule;
  const colon = name.indexOf(':');
  // grpc-js accepts names with colons, and drops those that begin with one.
  return colon < 0 ? undefined : colon === 0 ? 'replaced' : 'refused';
}
