import { checkKeys, InvalidInput, NOT_SHOWN, parseDuration, unknownWord } from '@podwire/core';
import { leastRequest } from './policies/least-request.ts';
import { maglev } from './policies/maglev.ts';
import { peakEwma } from './policies/peak-ewma.ts';
import { pickFirst } from './policies/pick-first.ts';
import { random } from './policies/random.ts';
import { ringHash } from './policies/ring-hash.ts';
import { roundRobin } from './policies/round-robin.ts';
import { weightedRoundRobin } from './policies/weighted-round-robin.ts';
import { zoneAware } from './policies/zone-aware.ts';
import type { Policy } from './policy.ts';

/** An option of a policy, as JSON Schema describes it. */
export interface OptionSchema {
  /**
   * `policy` is a policy's name, or an object with its name as the only key; `duration` is protobuf's, such as `'1.5s'`; `texts` is an array
   * of texts.
   */
  readonly type: 'boolean' | 'integer' | 'number' | 'policy' | 'duration' | 'texts';
  /** The smallest number allowed. Default: no bound. */
  readonly minimum?: number;
  /** The largest number allowed. Default: no bound. */
  readonly maximum?: number;
  /** The value of an option that is not given; without one, the option stays unset. */
  readonly default?: boolean | number | string;
  /** One sentence for documents and JSON Schema. */
  readonly description: string;
}

/** How deep policies may be nested in policies: more than any config needs, and few enough for every stack. */
const MAX_DEPTH = 8;

type Value = boolean | number | Policy | readonly string[] | undefined;
type Values = Readonly<Record<string, Value>>;

interface Entry {
  readonly options: Readonly<Record<string, OptionSchema>>;
  make(values: Values): Policy;
}

const choiceCount: OptionSchema = {
  type: 'integer',
  minimum: 2,
  maximum: 100,
  default: 2,
  description: 'Pods compared for each call',
};
const fullScan: OptionSchema = {
  type: 'boolean',
  default: false,
  description: 'Compare all Pods; costs O(n) a call',
};
const shuffleAddressList: OptionSchema = {
  type: 'boolean',
  default: true,
  description: 'Shuffle the list first, so that many clients do not choose the same Pod',
};
const loadBound: OptionSchema = {
  type: 'number',
  minimum: 1,
  description: 'A Pod with more than this many times the mean of calls in flight passes calls on',
};

const childPolicy: OptionSchema = {
  type: 'policy',
  default: 'least_request',
  description: 'The policy over the Pods of the own zone, and over all others',
};

const duration = (seconds: string, description: string): OptionSchema => ({
  type: 'duration',
  default: seconds,
  description,
});

/** The options of gRFC A58 and A114, with their defaults. */
const loadReports = {
  enableOobLoadReport: {
    type: 'boolean',
    default: false,
    description: 'Ask Pods for reports apart from calls, in the place of those in the trailers of calls',
  },
  oobReportingPeriod: duration('10s', 'How often to ask for them'),
  blackoutPeriod: duration('10s', 'How long a Pod has to report before its reports count'),
  weightExpirationPeriod: duration('180s', 'How long a report counts'),
  weightUpdatePeriod: duration('1s', 'How often weights are computed anew; at least 0.1s'),
  errorUtilizationPenalty: {
    type: 'number',
    minimum: 0,
    default: 1,
    description: 'What an error rate of 1 adds to the utilization',
  },
  metricNamesForComputingUtilization: {
    type: 'texts',
    description:
      'Metrics whose largest value is the utilization of a Pod that reports no application_utilization',
  },
} as const satisfies Readonly<Record<string, OptionSchema>>;
/** gRFC A58: smaller values of `weightUpdatePeriod` count as this. */
const LEAST_UPDATE_MS = 100;

const POLICIES = {
  pick_first: {
    options: { shuffleAddressList },
    make: (v) => pickFirst({ shuffleAddressList: v.shuffleAddressList === true }),
  },
  round_robin: { options: {}, make: roundRobin },
  weighted_round_robin: {
    options: loadReports,
    make: (v) =>
      weightedRoundRobin({
        oobPeriodMs: v.enableOobLoadReport === true ? Number(v.oobReportingPeriod) : undefined,
        blackoutMs: Number(v.blackoutPeriod),
        expirationMs: Number(v.weightExpirationPeriod),
        updateMs: Math.max(Number(v.weightUpdatePeriod), LEAST_UPDATE_MS),
        errorPenalty: Number(v.errorUtilizationPenalty),
        metricNames: (v.metricNamesForComputingUtilization ?? []) as readonly string[],
      }),
  },
  random: { options: {}, make: random },
  least_request: {
    options: { choiceCount, fullScan },
    make: (v) => leastRequest({ choiceCount: Number(v.choiceCount), fullScan: v.fullScan === true }),
  },
  peak_ewma: { options: { choiceCount }, make: (v) => peakEwma({ choiceCount: Number(v.choiceCount) }) },
  ring_hash: {
    options: { loadBound },
    make: (v) => ringHash({ loadBound: v.loadBound as number | undefined }),
  },
  maglev: { options: { loadBound }, make: (v) => maglev({ loadBound: v.loadBound as number | undefined }) },
  zone_aware: { options: { policy: childPolicy }, make: (v) => zoneAware(v.policy as Policy) },
} as const satisfies Record<string, Entry>;

/** The name of a policy, as it is written in options and in service configs. */
export type PolicyName = keyof typeof POLICIES;

/** Every policy by name. */
export const policyNames: readonly PolicyName[] = Object.keys(POLICIES) as PolicyName[];

/** The options of one policy. */
export function policyOptions(name: PolicyName): Readonly<Record<string, OptionSchema>> {
  return POLICIES[name].options;
}

/**
 * Makes a policy: `'least_request'`, or `{ least_request: { choiceCount: 3 } }` as a gRPC service config has it. Throws
 * {@link InvalidInput} with the path to an unknown name or option or a value that breaks its rule.
 */
export function createPolicy(config: unknown, path = 'policy'): Policy {
  return create(config, path, 1);
}

function create(config: unknown, path: string, depth: number): Policy {
  if (depth > MAX_DEPTH) throw new InvalidInput(path, NOT_SHOWN, `is nested more than ${MAX_DEPTH} deep`);
  if (typeof config === 'string') return make(config, {}, path, path, depth);
  if (typeof config !== 'object' || config === null || Object.keys(config).length !== 1) {
    throw new InvalidInput(
      path,
      config,
      'must be the name of a policy, or an object with its name as the only key',
    );
  }
  const [name, options] = Object.entries(config)[0]!;
  return make(name, options, path, `${path}.${name}`, depth);
}

function make(name: string, options: unknown, path: string, optionsPath: string, depth: number): Policy {
  if (!Object.hasOwn(POLICIES, name)) throw new InvalidInput(path, name, unknownWord(name, policyNames));
  const entry: Entry = POLICIES[name as PolicyName];
  const given = checkKeys(options, Object.keys(entry.options), optionsPath);
  const values: Record<string, Value> = {};
  for (const [key, schema] of Object.entries(entry.options)) {
    const value = given[key] === undefined ? schema.default : given[key];
    values[key] = value === undefined ? undefined : check(value, schema, `${optionsPath}.${key}`, depth);
  }
  return entry.make(values);
}

function check(value: unknown, schema: OptionSchema, path: string, depth: number): Value {
  if (schema.type === 'policy') return create(value, path, depth + 1);
  const { type, minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
  if (type === 'boolean') {
    if (typeof value === 'boolean') return value;
    throw new InvalidInput(path, value, 'must be true or false');
  }
  if (type === 'duration') return parseDuration(value, path);
  if (type === 'texts') {
    if (Array.isArray(value) && value.every((text) => typeof text === 'string' && text !== '')) return value;
    throw new InvalidInput(path, value, 'must be an array of texts');
  }
  const whole = type === 'number' || Number.isInteger(value);
  if (typeof value === 'number' && Number.isFinite(value) && whole && value >= minimum && value <= maximum) {
    return value;
  }
  const from = minimum === Number.NEGATIVE_INFINITY ? '' : ` from ${minimum}`;
  const to = maximum === Number.POSITIVE_INFINITY ? '' : ` to ${maximum}`;
  throw new InvalidInput(
    path,
    value,
    `must be ${type === 'integer' ? 'an integer' : 'a number'}${from}${to}`,
  );
}
