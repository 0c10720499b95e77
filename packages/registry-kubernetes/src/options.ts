import {
  type Clock,
  checkKeys,
  InvalidInput,
  number,
  type Random,
  string,
  systemClock,
  systemRandom,
  unknownWord,
} from '@podwire/core';
import type { Env } from './access/in-cluster.ts';
import { LABEL } from './service-ref.ts';
import { ADDRESS_TYPES, type AddressType } from './slices/service-object.ts';

/** How to find and ask the API server. Times in milliseconds. A value that breaks its rule is an `InvalidInput`. */
export interface KubernetesOptions {
  /**
   * Path of a kubeconfig, or several as in `KUBECONFIG`. Default: `KUBECONFIG`, else the Pod's own service account, else
   * `~/.kube/config`.
   */
  readonly kubeconfig?: string;
  /** The kubeconfig's context. Default its current-context, as it was when first read. */
  readonly context?: string;
  /** The namespace of targets that name none. Default the Pod's own, or that of the context. */
  readonly namespace?: string;
  /** Where the service account is mounted. Default `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly serviceAccountDir?: string;
  /** Addresses to use; a Pod with several is used under the first type of these. Default IPv4, IPv6, FQDN. */
  readonly addressTypes?: readonly AddressType[];
  /**
   * A watch that says nothing for this long is treated as dead, and the service is listed anew. Default 90 000: the API
   * server sends a bookmark every 60 to 75 s. At least 1000.
   */
  readonly idleTimeoutMs?: number;
  /** Bounds connecting and waiting for an answer, and again receiving a list. Default 10 000. */
  readonly requestTimeoutMs?: number;
  /** The environment. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: the real one. */
  readonly clock?: Clock;
  /** Default: `Math.random`. */
  readonly random?: Random;
}

export interface Settings {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly namespace: string | undefined;
  readonly serviceAccountDir: string | undefined;
  readonly addressTypes: readonly AddressType[];
  readonly idleTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly env: Env;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether time is the system's, so that registries with the same settings may share their watches. */
  readonly isShared: boolean;
}

const KEYS = [
  'kubeconfig',
  'context',
  'namespace',
  'serviceAccountDir',
  'addressTypes',
  'idleTimeoutMs',
  'requestTimeoutMs',
  'env',
  'clock',
  'random',
];
const TIMEOUT = { min: 1_000, max: 3_600_000, integer: false };

/** Throws {@link InvalidInput}. */
export function readOptions(options: KubernetesOptions): Settings {
  checkKeys(options, KEYS, 'options');
  const { env = process.env, clock = systemClock, random = systemRandom } = options;
  const namespace = string(options.namespace, 'options.namespace');
  if (namespace !== undefined && !LABEL.test(namespace)) {
    throw new InvalidInput('options.namespace', namespace, 'must be the name of a namespace');
  }
  return {
    kubeconfig: string(options.kubeconfig, 'options.kubeconfig'),
    context: string(options.context, 'options.context'),
    namespace,
    serviceAccountDir: string(options.serviceAccountDir, 'options.serviceAccountDir'),
    addressTypes: readAddressTypes(options.addressTypes),
    idleTimeoutMs: number(options.idleTimeoutMs, 'options.idleTimeoutMs', { ...TIMEOUT, default: 90_000 }),
    requestTimeoutMs: number(options.requestTimeoutMs, 'options.requestTimeoutMs', {
      ...TIMEOUT,
      default: 10_000,
    }),
    env,
    clock,
    random,
    isShared: options.clock === undefined && options.random === undefined,
  };
}

function readAddressTypes(types: readonly unknown[] | undefined): readonly AddressType[] {
  if (types === undefined) return ADDRESS_TYPES;
  if (!Array.isArray(types) || types.length === 0) {
    throw new InvalidInput('options.addressTypes', types, `must be a list of ${ADDRESS_TYPES.join(', ')}`);
  }
  return types.map((type, i) => {
    const known = ADDRESS_TYPES.find((other) => other === type);
    if (known !== undefined) return known;
    throw new InvalidInput(`options.addressTypes[${i}]`, type, unknownWord(String(type), ADDRESS_TYPES));
  });
}
