/**
 * Names of metadata that belong to the protocol. `replaced`: podwire sends its own value, or none, as grpc-js does.
 * `timeout`: so it is where the call has a deadline. `single`: one value at most (RFC 9110 §11.6.2). `refused`: HTTP/2 has no
 * such header (RFC 9113 §8.2.2), or only one that counts what is sent; grpc-js lets such a call hang, or the server end it.
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

/** What becomes of a call's metadata of this name; undefined: they are sent. */
export function ruleFor(name: string): Rule | undefined {
  const rule = RULES.get(name);
  if (rule !== undefined) return rule;
  const colon = name.indexOf(':');
  // grpc-js takes names with colons, and sends none that begin with one.
  return colon < 0 ? undefined : colon === 0 ? 'replaced' : 'refused';
}
