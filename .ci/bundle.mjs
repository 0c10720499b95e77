// Bundles each package into one module per entry in its dist/, beside the declarations that tsc writes: a process that imports
// podwire opens a handful of files instead of 180. What a package depends on stays outside, so that no class exists twice.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

/** Looking for a package takes longer than these take to load: they are in the bundle. */
const SMALL = ['eventemitter3'];

/** Entries by their path in dist/ without extension, from the package's exports: `index`, `testing/index`. */
function entriesOf(directory) {
  const { exports } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  return Object.values(exports)
    .map((target) => /^\.\/dist\/(.+)\.js$/.exec(target.default ?? '')?.[1])
    .filter((entry) => entry !== undefined);
}

/**
 * Node's own modules by way of a function: an `import` of one evaluates all that it exports, of node:crypto Web Crypto, of node:fs
 * its promises, which together take as long as a tenth of podwire.
 */
const withoutFacades = {
  name: 'without-facades',
  renderChunk: (chunk) => ({
    code: chunk.replace(
      /^import \{ ([^}]+) \} from ("node:[^"]+");$/gm,
      (_, names, module) =>
        `const { ${names.replaceAll(' as ', ': ')} } = process.getBuiltinModule(${module});`,
    ),
    // Every line stays where it is.
    map: null,
  }),
};

async function bundle(directory) {
  const bundled = await rolldown({
    input: Object.fromEntries(
      entriesOf(directory).map((entry) => [entry, join(directory, 'src', `${entry}.ts`)]),
    ),
    platform: 'node',
    plugins: [withoutFacades],
    external: (id) => /^[^./]/.test(id) && !SMALL.includes(id),
  });
  const { output } = await bundled.write({
    dir: join(directory, 'dist'),
    chunkFileNames: 'shared.js',
    sourcemap: true,
    charset: 'ascii',
    // The declarations and src/ have them; here they would be read at every start.
    comments: { jsdoc: false, annotation: true, legal: true },
  });
  await bundled.close();
  const written = new Set(output.map(({ fileName }) => fileName));
  for (const file of readdirSync(join(directory, 'dist'), { recursive: true })) {
    // tsc leaves declarations behind of files that are no more.
    const source = /^(.+)\.d\.ts(\.map)?$/.exec(file)?.[1];
    const isStale =
      source === undefined
        ? /\.js(\.map)?$/.test(file) && !written.has(file)
        : !existsSync(join(directory, 'src', `${source}.ts`));
    if (isStale) rmSync(join(directory, 'dist', file));
  }
}

await Promise.all(readdirSync('packages').map((name) => bundle(join('packages', name))));
