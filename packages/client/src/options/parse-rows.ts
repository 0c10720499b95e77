import { boolean, checkKeys, InvalidInput, number, oneOf, string } from '@podwire/core';
import { matching } from './check.ts';
import type { GrpcOnly, NumberRow, Parsed, Row, Rows } from './option-kinds.ts';

type Values = Readonly<Record<string, unknown>>;

/** The parts that all levels of a table share. */
interface Table {
  readonly rows: Rows;
  /** The path to an option, `group.member` in a group, as the user wrote it. */
  readonly at: (name: string) => string;
  readonly grpcOnly: Partial<GrpcOnly>;
}

/** The names of the options in a group, such as `initialMs` in `backoff`; `''` stands for options outside of groups. */
export function namesIn(rows: Rows, group: string): string[] {
  const prefix = group === '' ? '' : `${group}.`;
  const inside = Object.keys(rows).filter((name) => name.startsWith(prefix));
  return inside.map((name) => name.slice(prefix.length)).filter((name) => !name.includes('.'));
}

/** Checks values by a table. A value that is not given gets its default. Throws `InvalidInput`. */
export function parseRows<T extends Rows>(
  rows: T,
  values: Values,
  at: (name: string) => string,
  grpcOnly: Partial<GrpcOnly> = {},
): Parsed<T> {
  return parseGroup({ rows, at, grpcOnly }, '', values) as Parsed<T>;
}

function parseGroup(table: Table, group: string, values: Values): Values {
  const parsed: Record<string, unknown> = {};
  for (const key of namesIn(table.rows, group))
    parsed[key] = parseOption(table, group === '' ? key : `${group}.${key}`, values[key]);
  return parsed;
}

function parseOption(table: Table, name: string, value: unknown): unknown {
  const row = table.rows[name]!;
  const path = table.at(name);
  if (row.kind !== 'group') return parseValue(row, value, path, table.grpcOnly);
  if ((value === undefined && row.optional) || (value === false && row.orFalse)) return undefined;
  const given = checkKeys(value === undefined ? {} : value, namesIn(table.rows, name), path);
  return parseGroup(table, name, given);
}

function parseValue(
  row: Exclude<Row, { kind: 'group' }>,
  value: unknown,
  path: string,
  grpcOnly: Partial<GrpcOnly>,
): unknown {
  switch (row.kind) {
    case 'integer':
    case 'number':
      return parseNumber(row, value, path);
    case 'flag':
      return boolean(value, path, row.default);
    case 'word':
      return oneOf(value, path, row.words) ?? row.default;
    case 'text':
      return row.form === undefined ? string(value, path) : matching(value, path, row.form);
    case 'special':
      return row.parse(value, path, grpcOnly);
  }
}

function parseNumber(row: NumberRow, value: unknown, path: string): number {
  const { min, max, kind } = row;
  const rule = { default: Number.NaN, min, ...(max !== undefined && { max }), integer: kind === 'integer' };
  if (value !== undefined) return number(value, path, rule);
  if (row.default !== undefined) return row.default;
  const to = max === undefined ? '' : ` to ${max}`;
  throw new InvalidInput(path, value, `must be ${rule.integer ? 'an integer' : 'a number'} from ${min}${to}`);
}
