// What is written from the table of options: the comments of `ChannelOptions` and the tables of docs/options.md.
import { parseAst } from 'rolldown/parseAst';
import { CALL_ROWS } from '../../packages/client/src/options/call-rows.ts';
import { CONNECTION_ROWS } from '../../packages/client/src/options/connection-rows.ts';
import { HEALTH_ROWS } from '../../packages/client/src/options/health-rows.ts';
import {
  describe,
  grpcOnlyDocs,
  type OptionDoc,
  optionDocs,
} from '../../packages/client/src/options/option-docs.ts';
import type { Row, Rows } from '../../packages/client/src/options/option-kinds.ts';
import { GRPC_ONLY_TABLE, OPTION_TABLE } from '../../packages/client/src/options/option-table.ts';
import { SERVICE_ROWS } from '../../packages/client/src/options/service-rows.ts';

const rows: Rows = OPTION_TABLE;
const docs: Readonly<Record<string, OptionDoc>> = optionDocs();
/** The width of the comments in the source. */
const WIDTH = 140;

/** An option as the interface declares it. */
interface Declared {
  readonly name: string;
  /** Where it stands in the source. */
  readonly start: number;
  /** Without `readonly`; `object` for a group. */
  readonly type: string;
}

/** The options that `ChannelOptions` declares, members after their group. */
export function declaredOptions(source: string): Declared[] {
  for (const statement of parseAst(source, { lang: 'ts' }).body) {
    const declared = statement.type === 'ExportNamedDeclaration' ? statement.declaration : null;
    if (declared?.type === 'TSInterfaceDeclaration' && declared.id.name === 'ChannelOptions')
      return declared.body.body.flatMap((member) => optionsOf(member, '', source));
  }
  throw new Error('ChannelOptions is not declared');
}

type Ast = ReturnType<typeof parseAst>['body'][number];
type Member = Extract<Ast, { type: 'TSInterfaceDeclaration' }>['body']['body'][number];

function optionsOf(member: Member, prefix: string, source: string): Declared[] {
  if (member.type !== 'TSPropertySignature' || member.key.type !== 'Identifier') return [];
  const name = prefix + member.key.name;
  const type = member.typeAnnotation!.typeAnnotation;
  // A group that can be turned off is declared as `false | { … }`.
  const parts = type.type === 'TSUnionType' ? type.types : [type];
  const group =
    rows[name]?.kind === 'special' ? undefined : parts.find((part) => part.type === 'TSTypeLiteral');
  const written = source
    .slice(type.start, type.end)
    .replaceAll('readonly ', '')
    .replace(/\s+/g, ' ')
    .replace(/Readonly<(.+)>/, '$1');
  if (group === undefined) return [{ name, start: member.start, type: written }];
  const inside = group.members.flatMap((inner) => optionsOf(inner, `${name}.`, source));
  return [{ name, start: member.start, type: parts.length === 1 ? 'object' : 'false | object' }, ...inside];
}

/** The source of `ChannelOptions` with the comments that the table gives. */
export function withComments(source: string): string {
  let text = source;
  for (const { name, start } of declaredOptions(source).reverse()) {
    const before = text
      .slice(0, start)
      .replace(/\/\*\*(?:(?!\*\/).)*\*\/\s*$/s, '')
      .trimEnd();
    const indent = /[^\n]*$/.exec(text.slice(0, start))![0];
    text = `${before}\n${comment(name, indent)}\n${indent}${text.slice(start)}`;
  }
  return text;
}

function comment(name: string, indent: string): string {
  const words =
    `${describe(docs[name]!)} ${defaultOf(name) === '' ? '' : `Default ${defaultOf(name)}.`}`.trim();
  const inOneLine = `${indent}/** ${words} */`;
  if (inOneLine.length <= WIDTH) return inOneLine;
  const lines = [''];
  for (const word of words.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if (`${indent} * ${longer}`.length <= WIDTH) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}\n`).join('')}${indent} */`;
}

/** The default that the table has, as people write it; empty where it has none. */
function defaultOf(name: string): string {
  const row = rows[name]!;
  if (!('default' in row) || row.default === undefined) return '';
  return typeof row.default === 'number' ? quantity(name, row.default) : `\`${row.default}\``;
}

/** `10 000`, and for bytes `4 MiB`. */
function quantity(name: string, value: number): string {
  const [unit, size] = value % 2 ** 20 === 0 ? ['MiB', 2 ** 20] : ['KiB', 2 ** 10];
  if (name.endsWith('Bytes') && value >= 1024 && value % 1024 === 0) return `${value / Number(size)} ${unit}`;
  return value >= 10_000 ? String(value).replace(/\B(?=(\d{3})+$)/g, ' ') : String(value);
}

/** What a value may be besides its type; empty where the type says it. */
function boundsOf(name: string, row: Row): string {
  if (row.kind === 'text')
    return row.form === undefined ? 'not empty' : row.form.rule.replace('must be ', '');
  if (row.kind !== 'integer' && row.kind !== 'number') return '';
  const from = quantity(name, row.min);
  const bounds = row.max === undefined ? `from ${from}` : `${from} to ${quantity(name, row.max)}`;
  return row.kind === 'number' ? `any number ${bounds}` : bounds;
}

/** What holds when an option is not given. */
function unsetOf(name: string, row: Row): string {
  if (row.kind === 'group') return docs[name]!.unset ?? "its members'";
  return docs[name]!.unset ?? (defaultOf(name) || 'must be given');
}

function optionTable(topic: Rows, types: ReadonlyMap<string, string>): string[][] {
  const lines = Object.entries(topic).map(([name, row]) => {
    const { meaning, see } = docs[name]!;
    const words = row.kind === 'word' ? row.words.map((word) => `'${word}'`).join(' | ') : types.get(name)!;
    const type = words.replaceAll('|', '\\|');
    const more = see === undefined ? '' : ` See ${see}.`;
    return [`\`${name}\``, `\`${type}\``, unsetOf(name, row), boundsOf(name, row), meaning + more];
  });
  return [['option', 'type', 'default', 'bounds', 'meaning'], ...lines];
}

/** Which option each option of grpc-js stands for. */
function grpcTable(): string[][] {
  const named = Object.entries({ ...OPTION_TABLE, ...GRPC_ONLY_TABLE } as Rows).flatMap(([name, row]) =>
    row.kind === 'group' || row.grpc === undefined ? [] : [[`\`${row.grpc}\``, `\`${name}\``]],
  );
  const alone: Readonly<Record<string, OptionDoc>> = grpcOnlyDocs();
  const lines = named.map(([grpc, name]) => [grpc!, alone[name!.slice(1, -1)]?.meaning ?? name!]);
  return [["grpc-js's option", "podwire's, or the meaning"], ...lines];
}

/** As Markdown, in the form that biome gives tables. */
function markdown(table: readonly (readonly string[])[]): string {
  const widths = table[0]!.map((_, i) => Math.max(...table.map((cells) => cells[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  const rule = widths.map((width) => '-'.repeat(width));
  const [head, ...body] = table;
  return [head!, rule, ...body].map(line).join('\n');
}

/** docs/options.md with the tables that the table of options gives. */
export function withTables(document: string, source: string): string {
  const types = new Map(declaredOptions(source).map(({ name, type }) => [name, type]));
  const tables: Readonly<Record<string, string[][]>> = {
    '### The service and its Pods': optionTable(SERVICE_ROWS, types),
    '### Connections': optionTable(CONNECTION_ROWS, types),
    '### Pods that fail or hang': optionTable(HEALTH_ROWS, types),
    '### Calls': optionTable(CALL_ROWS, types),
    "## grpc-js's channel options": grpcTable(),
  };
  let text = document;
  for (const [heading, table] of Object.entries(tables)) {
    const at = text.indexOf('\n|', text.indexOf(`${heading}\n`)) + 1;
    const end = at + /^(\|.*\n)+/.exec(text.slice(at))![0].length;
    text = `${text.slice(0, at)}${markdown(table)}\n${text.slice(end)}`;
  }
  return text;
}
