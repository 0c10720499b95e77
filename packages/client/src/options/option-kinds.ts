import type { TextForm } from './check.ts';

/** The fields that every row of the table of options may have. */
interface AnyRow {
  /** The option of grpc-js that stands for this one; grpc-options.ts translates values that differ. */
  readonly grpc?: string;
  /** Whether the option can change while calls run. A change of any other option needs a new channel. */
  readonly live?: true;
}

/** A number within bounds. Without a default the option must be given. */
export interface NumberRow extends AnyRow {
  readonly kind: 'integer' | 'number';
  readonly min: number;
  readonly max?: number;
  readonly default?: number;
}

/** True or false. */
export interface FlagRow extends AnyRow {
  readonly kind: 'flag';
  readonly default: boolean;
}

/** One of some words; undefined when it is not given and has no default. */
export interface WordRow extends AnyRow {
  readonly kind: 'word';
  readonly words: readonly string[];
  readonly default?: string;
}

/** Text that is not empty, or undefined. */
export interface TextRow extends AnyRow {
  readonly kind: 'text';
  readonly form?: TextForm;
}

/** An option with a parser of its own, which is also called when the option is not given. */
export interface SpecialRow extends AnyRow {
  readonly kind: 'special';
  readonly parse: (value: unknown, path: string, grpcOnly: Partial<GrpcOnly>) => unknown;
  /** A group must have it when the group is given. */
  readonly required?: true;
  /** It is a function or an object of a class: a JSON document cannot have it. */
  readonly isCode?: true;
}

/** Options of one subject: the rows `group.member`. An optional one is undefined when it is not given, and its defaults do not count. */
export interface GroupRow {
  readonly kind: 'group';
  readonly optional?: true;
  /** Whether `false` turns off what the group sets; its value is undefined then. */
  readonly orFalse?: true;
  /** Whether an optional group can come and go while calls run. */
  readonly live?: true;
}

/** The table's row of one option. */
export type Row = NumberRow | FlagRow | WordRow | TextRow | SpecialRow | GroupRow;

/** Rows by name; the members of a group follow it under `group.member`, and a group may be a member. */
export type Rows = Readonly<Record<string, Row>>;

/** Values that only options of grpc-js set, and that parsers of podwire's options need. */
export interface GrpcOnly {
  readonly sslTargetName: string | undefined;
  readonly maxAttempts: number;
}

type ValueOf<R> = R extends NumberRow
  ? number
  : R extends FlagRow
    ? boolean
    : R extends { readonly kind: 'word'; readonly words: readonly (infer W)[] }
      ? W | (R extends { readonly default: string } ? never : undefined)
      : R extends TextRow
        ? string | undefined
        : R extends { readonly parse: (...args: never) => infer T }
          ? T
          : never;

type MembersOf<T, G extends string> = {
  readonly [K in keyof T & string as K extends `${G}.${infer M}` ? M : never]: T[K];
};

/** The checked values of the options in a table, groups as objects. */
export type Parsed<T> = {
  readonly [K in keyof T & string as K extends `${string}.${string}` ? never : K]: T[K] extends GroupRow
    ?
        | Parsed<MembersOf<T, K>>
        | (T[K] extends { readonly optional: true } | { readonly orFalse: true } ? undefined : never)
    : ValueOf<T[K]>;
};
