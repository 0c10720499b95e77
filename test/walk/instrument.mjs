// Bundles the packages below a root with a line at the head of each function that says it was entered.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { rolldown } from 'rolldown';
import { parseAst } from 'rolldown/parseAst';

const FUNCTIONS = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];
/** The bundle calls it with a function's index at each entry; the caller of `instrument` sets it on `globalThis`. */
export const HOOK = 'podwireWalk';

/** Each function with a body in braces below a node, with the nearest name around it. An arrow to an expression is not counted. */
function* functionsIn(node, name = '') {
  if (Array.isArray(node)) {
    for (const child of node) yield* functionsIn(child, name);
  } else if (typeof node?.type === 'string') {
    const own = (node.key ?? node.id)?.name ?? name;
    if (FUNCTIONS.includes(node.type) && node.body?.type === 'BlockStatement') yield { node, name: own };
    for (const child of Object.values(node)) if (typeof child === 'object') yield* functionsIn(child, own);
  }
}

/** The text with a call of the hook in each function, which is added to `entered`. */
function withHooks(text, file, entered) {
  const heads = [];
  for (const { node, name } of functionsIn(parseAst(text, { lang: 'ts' }))) {
    heads.push({ at: node.body.start + 1, hook: `${HOOK}(${entered.length});` });
    entered.push({ file, name, line: text.slice(0, node.start).split('\n').length });
  }
  // From the end, so that an insertion does not move the others.
  heads.sort((a, b) => b.at - a.at);
  return heads.reduce((result, { at, hook }) => result.slice(0, at) + hook + result.slice(at), text);
}

/** `podwire` and `@podwire/*` are the sources below the root, and grpc-js is this workspace's, which makes the clients and servers. */
const resolver = (root) => (id) => {
  if (id === '@grpc/grpc-js') return { id: createRequire(import.meta.url).resolve(id), external: true };
  const ours = id === 'podwire' ? 'client' : /^@podwire\/([\w-]+)$/.exec(id)?.[1];
  return ours && join(root, 'packages', ours, 'src/index.ts');
};

/**
 * What `podwire` of the packages below `root` exports, with the functions that the hook names by their index, and `remove`, which
 * deletes what was written.
 */
export async function instrument(root) {
  const directory = mkdtempSync(join(tmpdir(), 'podwire-walk-'));
  const remove = () => rmSync(directory, { recursive: true });
  try {
    const functions = [];
    const file = join(directory, 'podwire.cjs');
    const bundle = await rolldown({
      input: join(root, 'packages/client/src/index.ts'),
      platform: 'node',
      logLevel: 'silent',
      treeshake: false,
      plugins: [
        {
          name: 'walk',
          resolveId: resolver(root),
          load: (id) =>
            id.endsWith('.ts')
              ? withHooks(readFileSync(id, 'utf8'), relative(root, id), functions)
              : undefined,
        },
      ],
    });
    await bundle.write({ file, format: 'cjs', dynamicImportInCjs: false });
    await bundle.close();
    return { podwire: createRequire(file)(file), functions, remove };
  } catch (error) {
    remove();
    throw error;
  }
}
