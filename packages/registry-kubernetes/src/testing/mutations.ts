import fc from 'fast-check';

/** Values of wrong types. */
const JUNK: readonly unknown[] = [
  null,
  true,
  '',
  '50051',
  -1,
  0,
  65536,
  1.5,
  Number.POSITIVE_INFINITY,
  Number.NaN,
  'not an address',
  '0.0.0.0/0',
  '::ffff:10.0.0.1',
  'fe80::1%eth0',
  '10.0.0.1\n',
  '\ud800',
  '\ufeff10.0.0.1',
  'x'.repeat(300),
  'x'.repeat(20_000),
  [],
  {},
  [[]],
  [null],
  [{ a: [{ b: 1 }] }],
  JSON.parse('{"__proto__":{"ready":false},"constructor":1}'),
  { toString: 1, valueOf: null },
];

/** One change of a document at one place. */
export interface Mutation {
  readonly at: number;
  readonly how: 'set' | 'delete' | 'proto' | 'repeat';
  readonly junk: number;
}

export const mutations: fc.Arbitrary<Mutation[]> = fc.array(
  fc.record({
    at: fc.nat(10_000),
    how: fc.constantFrom('set', 'set', 'set', 'delete', 'proto', 'repeat'),
    junk: fc.nat(JUNK.length - 1),
  }),
  { minLength: 1, maxLength: 4 },
);

type Path = readonly string[];

function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, child]) => pathsOf(child, [...at, key]))];
}

/** Changes `document` in place. */
export function mutate(document: object, { at, how, junk }: Mutation): void {
  const paths = pathsOf(document).slice(1);
  const path = paths[at % Math.max(paths.length, 1)];
  if (path === undefined) return;
  let parent = document as Record<string, unknown>;
  for (const key of path.slice(0, -1)) parent = parent[key] as Record<string, unknown>;
  const key = path.at(-1)!;
  const value = structuredClone(JUNK[junk]);
  const own = { value, enumerable: true, configurable: true, writable: true };
  if (how === 'delete') delete parent[key];
  else if (how === 'proto') Object.defineProperty(parent, '__proto__', own);
  else if (how === 'repeat') parent[key] = [parent[key], structuredClone(parent[key]), parent[key]];
  else parent[key] = value;
}
