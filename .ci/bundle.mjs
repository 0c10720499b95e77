// Bundles each package into one module per entry in its dist/, beside the declarations that tsc writes: a process that imports
// podwire opens a handful of files instead of 180. What a package depends on stays outside, so that no class exists twice.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

/** Entries by their path in dist/ without extension, from the package's exports: `index`, `testing/index`. */
function entriesOf(directory) {
  const { exports } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  return Object.values(exports)
    .map((target) => /^\.\/dist\/(.+)\.js$/.exec(target.default ?? '')?.[1])
    .filter((entry) => entry !== undefined);
}

async function bundle(directory) {
  const bundled = await rolldown({
    input: Object.fromEntries(
      entriesOf(directory).map((entry) => [entry, join(directory, 'src', `${entry}.ts`)]),
    ),
    platform: 'node',
    external: /^[^./]/,
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
  for (const file of readdirSync(join(directory, 'dist'), { recursive: true }))
    if (/\.js(\.map)?$/.test(file) && !written.has(file)) rmSync(join(directory, 'dist', file));
}

await Promise.all(readdirSync('packages').map((name) => bundle(join('packages', name))));
