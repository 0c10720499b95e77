import { InvalidInput, show } from '@podwire/registry';

/** What the metadata of a Dubbo provider adds to its instance. */
export interface DubboProvider {
  /** The port of Triple, where it is not the instance's own. */
  readonly port?: unknown;
  readonly attributes: Readonly<Record<string, string>>;
}

const NONE: DubboProvider = { attributes: {} };
/** Dubbo's name of the protocol that gRPC clients can speak. */
const TRIPLE = 'tri';

/**
 * Reads the metadata by which Dubbo describes a provider of an interface (`protocol`, `version`, `group`) or an
 * application (`dubbo.endpoints`). The headers that a Triple server needs become the attributes `tri-service-version`
 * and `tri-service-group`. Throws {@link InvalidInput} for a provider that does not speak Triple.
 */
export function readDubbo(
  get: (key: string) => unknown,
  path: string,
  isApplication: boolean,
): DubboProvider {
  const endpoints = get('dubbo.endpoints');
  if (endpoints !== undefined) return { port: triplePort(endpoints, path), attributes: {} };
  if (isApplication) throw new InvalidInput(`${path}.metadata`, undefined, "must have 'dubbo.endpoints'");
  if (get('side') !== 'provider' || get('interface') === undefined) return NONE;
  const protocol = get('protocol');
  if (protocol !== TRIPLE) {
    throw new InvalidInput(
      `${path}.metadata.protocol`,
      protocol,
      "must be 'tri': gRPC clients can call no other",
    );
  }
  const attributes: Record<string, string> = {};
  for (const key of ['version', 'group']) {
    const value = get(key);
    if (typeof value === 'string' && value !== '') attributes[`tri-service-${key}`] = value;
  }
  return { attributes };
}

/** `[{"port":20000,"protocol":"tri"}]` */
function triplePort(text: unknown, path: string): unknown {
  const at = `${path}.metadata['dubbo.endpoints']`;
  let list: unknown;
  try {
    list = JSON.parse(String(text));
  } catch {
    throw new InvalidInput(at, text, 'must be JSON');
  }
  const triple = Array.isArray(list) ? list.find((one) => one?.protocol === TRIPLE) : undefined;
  if (triple === undefined) throw new InvalidInput(at, text, `must name a port of protocol ${show(TRIPLE)}`);
  return triple.port;
}

const PROVIDERS = /^providers:([^:]+):([^:]*):([^:]*)$/;

/** The metadata by which Dubbo's consumers know a provider; nothing for a service that is no Dubbo interface. */
export function dubboMetadata(service: string, wallMs: number): Readonly<Record<string, string>> {
  const [, name, version, group] = PROVIDERS.exec(service) ?? [];
  if (name === undefined) return {};
  return {
    protocol: TRIPLE,
    path: `/${name}`,
    interface: name,
    side: 'provider',
    category: 'providers',
    'nacos.category': 'providers',
    // Dubbo counts in seconds.
    timestamp: String(Math.floor(wallMs / 1000)),
    ...(version === '' ? {} : { version: version! }),
    ...(group === '' ? {} : { group: group! }),
  };
}
