import { type OptionSchema, type PolicyName, policyNames, policyOptions } from '@podwire/balancer';
import { headersSchema } from '../headers/endpoint-headers.ts';
import { HEADER_NAME, type TextForm } from '../options/check.ts';
import { grpcOption, grpcOptionNames } from '../options/grpc-options.ts';
import { MODES, type Mode } from '../options/mode.ts';
import { describe, grpcOnlyDocs, type OptionDoc, optionDocs } from '../options/option-docs.ts';
import type { Row, Rows } from '../options/option-kinds.ts';
import { GRPC_ONLY_TABLE, OPTION_TABLE } from '../options/option-table.ts';
import { namesIn } from '../options/parse-rows.ts';
import { transportNames } from '../options/transport.ts';

type Schema = Readonly<Record<string, unknown>>;

/** `host:port`, or `[host]:port` for IPv6, as far as a pattern can tell. */
const ADDRESS = /^(\[[\dA-Fa-f:.]+(%[\w.-]+)?\]|[^\s:[\]]+):0*[1-9]\d{0,4}$/;

/** Protobuf's, in seconds. */
const DURATION = /^\d{1,12}(\.\d{1,9})?s$/;

const text: Schema = { type: 'string', minLength: 1 };
const matching = ({ pattern }: Pick<TextForm, 'pattern'>): Schema => ({
  type: 'string',
  pattern: pattern.source,
});
const flag: Schema = { type: 'boolean' };
const object = (properties: Schema, required: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...(required.length > 0 && { required }),
});

const when = (condition: Schema, schema: Schema, otherwise?: Schema): Schema => ({
  if: condition,
  // biome-ignore lint/suspicious/noThenProperty: it is JSON Schema's word
  then: schema,
  ...(otherwise !== undefined && { else: otherwise }),
});

function policy(): Schema {
  const option = (schema: OptionSchema): Schema => {
    switch (schema.type) {
      case 'policy':
        return { $ref: '#/properties/defaults/properties/policy' };
      case 'duration':
        return { ...schema, ...matching({ pattern: DURATION }) };
      case 'texts':
        return { ...schema, type: 'array', items: text };
      default:
        return { ...schema };
    }
  };
  const options = (name: PolicyName) =>
    Object.fromEntries(Object.entries(policyOptions(name)).map(([key, schema]) => [key, option(schema)]));
  const named = policyNames.map((name) => object({ [name]: object(options(name)) }, [name]));
  return { oneOf: [{ enum: policyNames }, ...named], default: 'least_request' };
}

/** A certificate and its key come together, each as text or as a file. */
function tls(): Schema {
  const either = (...keys: string[]): Schema => ({ anyOf: keys.map((key) => ({ required: [key] })) });
  const cert = either('cert', 'certFile');
  const key = either('key', 'keyFile');
  const named = { ca: text, cert: text, key: text, caFile: text, certFile: text, keyFile: text };
  return {
    ...object({ ...named, serverName: text, rejectUnauthorized: flag }),
    ...when(cert, key, { not: key }),
  };
}

type Table = typeof OPTION_TABLE;
type SpecialName = {
  [K in keyof Table]: Table[K] extends { readonly kind: 'special' }
    ? Table[K] extends { readonly isCode: true }
      ? never
      : K
    : never;
}[keyof Table];
/** The schemas of options that have a parser of their own, except those that are code. */
const SPECIAL: Readonly<Record<SpecialName, () => Schema>> = {
  policy,
  'mesh.address': () => matching({ pattern: ADDRESS }),
  'mesh.headers': () => headersSchema,
  zone: () => ({ oneOf: [text, object({ node: text }, ['node'])] }),
  health: () => ({ oneOf: [{ const: false }, object({ serviceName: { type: 'string' } })] }),
  'subset.client': () => ({ oneOf: [{ type: 'integer', minimum: 0 }, text] }),
  transport: () => ({ enum: transportNames, default: 'http2' }),
  tls: () => ({ oneOf: [flag, tls()] }),
  hashKey: () => object({ header: matching(HEADER_NAME) }, ['header']),
  serviceConfig: () => ({ type: ['object', 'string'] }),
};

/** The schema for a row's rule. */
function ruleOf(name: string, row: Exclude<Row, { kind: 'group' }>): Schema {
  switch (row.kind) {
    case 'integer':
    case 'number':
      return { type: row.kind, minimum: row.min, maximum: row.max ?? Number.MAX_SAFE_INTEGER };
    case 'flag':
      return flag;
    case 'word':
      return { enum: row.words };
    case 'text':
      return row.form === undefined ? text : matching(row.form);
    case 'special':
      return SPECIAL[name as SpecialName]();
  }
}

/** The schemas of the options in `group`, by their names in it; `''` stands for options outside of groups. */
function schemas(
  rows: Rows,
  docs: Readonly<Record<string, OptionDoc>>,
  group = '',
): Readonly<Record<string, Schema>> {
  const properties: Record<string, Schema> = {};
  for (const key of namesIn(rows, group)) {
    const name = group === '' ? key : `${group}.${key}`;
    const row = rows[name]!;
    if (row.kind === 'special' && row.isCode) continue;
    const rule =
      row.kind === 'group'
        ? groupSchema(row, object(schemas(rows, docs, name), required(rows, name)))
        : { ...ruleOf(name, row), ...('default' in row && { default: row.default }) };
    properties[key] = { ...rule, description: describe(docs[name]!) };
  }
  return properties;
}

function groupSchema(row: Extract<Row, { kind: 'group' }>, schema: Schema): Schema {
  return row.orFalse ? { oneOf: [{ const: false }, schema] } : schema;
}

/** The members that a group must have. */
function required(rows: Rows, group: string): string[] {
  return namesIn(rows, group).filter((key) => {
    const row = rows[`${group}.${key}`]!;
    if (row.kind === 'special') return row.required === true;
    return (row.kind === 'integer' || row.kind === 'number') && row.default === undefined;
  });
}

/** grpc-js's channel options, each with the rule of the option that it stands for. */
function grpcOptions(own: Readonly<Record<string, Schema>>): Record<string, Schema> {
  const alone = schemas(GRPC_ONLY_TABLE, grpcOnlyDocs());
  const rule = (key: string): Schema => {
    const option = grpcOption(key);
    if (option === undefined) return {};
    if (option.values !== undefined) return { enum: [...option.values.keys()] };
    const [group, inGroup] = option.name.split('.') as [string, string?];
    const schema = own[group] ?? alone[group]!;
    return inGroup === undefined ? schema : (schema.properties as Record<string, Schema>)[inGroup]!;
  };
  return Object.fromEntries(grpcOptionNames().map((key) => [key, rule(key)]));
}

/** A service in the mode `mesh` needs `mesh`: its own, or the defaults'. */
function meshWhereNeeded(): Schema {
  const mode = (name: Mode): Schema => ({ required: ['mode'], properties: { mode: { const: name } } });
  const has = (...keys: string[]): Schema => ({ required: keys });
  const defaults = (schema: Schema): Schema => ({ required: ['defaults'], properties: { defaults: schema } });
  const everyService = (schema: Schema): Schema => ({
    properties: { services: { additionalProperties: schema } },
  });
  const meshByDefault = {
    anyOf: [defaults(mode('mesh')), { ...mode('mesh'), not: defaults(has('mode')) }],
  };
  const needed = when(
    meshByDefault,
    everyService(when({ not: mode('direct') }, has('mesh'))),
    everyService(when(mode('mesh'), has('mesh'))),
  );
  return when({ not: defaults(has('mesh')) }, needed);
}

/**
 * The JSON Schema of the config that `createPodwire` takes; published as `podwire/config.schema.json`. It has every rule that a document
 * can be checked by alone. It cannot check the content of files and certificates, which registries exist, or that one number must be
 * less than another.
 */
export function configSchema(): Schema {
  const own = schemas(OPTION_TABLE, optionDocs());
  const options = { ...own, ...grpcOptions(own) };
  const same = Object.keys(options).map((key) => [key, { $ref: `#/properties/defaults/properties/${key}` }]);
  const service = object({ target: text, ...Object.fromEntries(same) }, ['target']);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'podwire config',
    ...object(
      {
        $schema: text,
        mode: { enum: MODES },
        defaults: object(options),
        services: { type: 'object', propertyNames: { minLength: 1 }, additionalProperties: service },
      },
      ['services'],
    ),
    ...meshWhereNeeded(),
  };
}
