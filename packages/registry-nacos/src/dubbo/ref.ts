import { checkKeys, InvalidInput } from '@podwire/core';

/** How consumers find Dubbo's providers of an interface: by a service of the interface, or by the applications that have it. */
export type DubboMode = 'interface' | 'application';

/** The Dubbo interface that a target names. */
export interface DubboRef {
  readonly mode: DubboMode;
  readonly interface: string;
  /** `''` stands for none, as in Dubbo. */
  readonly version: string;
  readonly group: string;
  /** The applications that have it, where the target names them. */
  readonly applications: readonly string[];
  /** The methods of an announced Pod. */
  readonly methods: readonly string[];
}

export const DUBBO_KEYS = ['dubbo', 'version', 'serviceGroup', 'application', 'methods'];
const NAME = /^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$/;
/** Characters that are valid both in a Nacos service's name and in headers. */
const PART = /^[\w.*-]{1,128}$/;
const APPLICATION = /^[^\s@?/,:]{1,512}$/;
const METHOD = /^[A-Za-z_]\w*$/;

/** Throws {@link InvalidInput}. */
export function parseDubboRef(name: string, query: ReadonlyMap<string, string>): DubboRef | undefined {
  const mode = query.get('dubbo');
  if (mode === undefined) {
    for (const key of DUBBO_KEYS) {
      if (query.has(key)) throw new InvalidInput(`target.${key}`, query.get(key), 'goes with dubbo=… only');
    }
    return undefined;
  }
  if (mode !== 'interface' && mode !== 'application') {
    throw new InvalidInput('target.dubbo', mode, "must be 'interface' or 'application'");
  }
  if (!NAME.test(name))
    throw new InvalidInput('target', name, "must name an interface, such as 'shop.Orders'");
  const part = (key: string): string => {
    const value = query.get(key) ?? '';
    if (value === '' || PART.test(value)) return value;
    throw new InvalidInput(`target.${key}`, value, 'must be of letters, digits and . _ -');
  };
  const list = (key: string, rule: RegExp): readonly string[] => {
    const values = (query.get(key) ?? '').split(',').filter((value) => value !== '');
    const wrong = values.find((value) => !rule.test(value));
    if (wrong !== undefined) throw new InvalidInput(`target.${key}`, wrong, 'must be a list of names');
    return values;
  };
  if (mode === 'interface' && query.has('application')) {
    throw new InvalidInput(
      'target.application',
      query.get('application'),
      'goes with dubbo=application only',
    );
  }
  return {
    mode,
    interface: name,
    version: part('version'),
    group: part('serviceGroup'),
    applications: list('application', APPLICATION),
    methods: list('methods', METHOD),
  };
}

/** How a service is announced to Dubbo, besides its interface. */
export interface DubboServiceOptions {
  /** The application, for consumers that find by application; without it, consumers find by interface. */
  readonly application?: string;
  /** The interface's version. Default none. */
  readonly version?: string;
  /** The interface's group. Default none. */
  readonly group?: string;
}

/**
 * The service name under which a gRPC service is announced to Dubbo's consumers, made from its generated definition:
 * `dubboService(OrdersService, { application: 'orders' })`. Throws {@link InvalidInput}.
 */
export function dubboService(
  definition: Readonly<Record<string, { readonly path: string }>>,
  options: DubboServiceOptions = {},
): string {
  checkKeys(options, ['application', 'version', 'group'], 'options');
  const paths = Object.values(definition).map(({ path }) => path.split('/'));
  const name = paths[0]?.[1];
  if (name === undefined || paths.some((path) => path[1] !== name)) {
    throw new InvalidInput('definition', Object.keys(definition), 'must be the methods of one gRPC service');
  }
  const { application, version, group } = options;
  const query = new Map<string, string>([['dubbo', application === undefined ? 'interface' : 'application']]);
  if (application !== undefined) query.set('application', application);
  if (version !== undefined) query.set('version', version);
  if (group !== undefined) query.set('serviceGroup', group);
  query.set('methods', [...new Set(paths.map((path) => path[2]))].join());
  parseDubboRef(name, query);
  return `${name}?${[...query].map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join('&')}`;
}
