// Bundles each package into one ES module and one CommonJS file per entry in its dist/, with declarations for both: a process that
// imports podwire opens a handful of files instead of 180. What a package depends on stays outside, so that no class exists twice.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { writeDeclarations } from './declarations.mjs';
import { late } from './late.mjs';

/** Looking for a package takes longer than these take to load: they are in the bundle. */
const SMALL = ['eventemitter3'];
/**
 * So are these of our own, from their sources: as many copies as packages use them do no harm. Classes of theirs know those of another
 * copy (`acrossCopies`), and nothing else of them is compared.
 */
const OURS = ['core', 'routing'];
const alias = Object.fromEntries(
  OURS.map((name) => [`@podwire/${name}`, resolve('packages', name, 'src/index.ts')]),
);
const BUILTIN = 'process.getBuiltinModule';

/** Entries by their path in dist/ without extension, from the package's exports: `index`, `testing/index`. */
function entriesOf(directory) {
  const { exports } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  return Object.values(exports)
    .map((target) => /^\.\/dist\/(.+)\.js$/.exec(target.import ?? '')?.[1])
    .filter((entry) => entry !== undefined);
}

/**
 * Node's own modules by way of a function: an `import` of one evaluates all that it exports, of node:crypto Web Crypto, of node:fs
 * its promises, which together take as long as a tenth of podwire. CommonJS has `require` for it, which Jest knows too.
 */
const withoutFacades = (format) => ({
  name: 'without-facades',
  renderChunk: (chunk) => ({
    code:
      format === 'cjs'
        ? chunk.replaceAll(`${BUILTIN}(`, 'require(')
        : chunk.replace(
            /^import \{ ([^}]+) \} from ("node:[^"]+");$/gm,
            (_, names, module) => `const { ${names.replaceAll(' as ', ': ')} } = ${BUILTIN}(${module});`,
          ),
    // Every line stays where it is.
    map: null,
  }),
});

/** A second entry takes the rest of its package from the first one: nothing of it exists twice. */
const byIndex = (source, entry, extension) => ({
  name: 'by-index',
  resolveId(id, importer) {
    if (entry === 'index' || importer === undefined || !id.startsWith('.')) return undefined;
    const to = resolve(dirname(importer), id);
    if (to.startsWith(resolve(source, dirname(entry)))) return undefined;
    if (to !== resolve(source, 'index.ts'))
      throw new Error(`${importer} must import ${id} by way of its package's index.ts`);
    return { id: `${relative(dirname(entry), 'index')}${extension}`, external: 'relative' };
  },
});

async function bundle(directory, entry, format) {
  const source = join(directory, 'src');
  const extension = format === 'cjs' ? '.cjs' : '.js';
  const lateOnes = late(format);
  // A second entry, for tests, takes them as packages.
  const inlined = entry === 'index' ? alias : {};
  const bundled = await rolldown({
    input: join(source, `${entry}.ts`),
    platform: 'node',
    resolve: { alias: inlined },
    plugins: [lateOnes.plugin, byIndex(source, entry, extension), withoutFacades(format)],
    external: (id) => /^[^./]/.test(id) && !SMALL.includes(id) && !(id in inlined),
  });
  const { output } = await bundled.write({
    file: join(directory, 'dist', `${entry}${extension}`),
    format,
    // Jest has no import() where it has no ES modules.
    dynamicImportInCjs: false,
    strict: true,
    sourcemap: true,
    charset: 'ascii',
    // The declarations and src/ have them; here they would be read at every start.
    comments: { jsdoc: false, annotation: true, legal: true },
  });
  await bundled.close();
  return { files: output.map(({ fileName }) => fileName), names: output[0].exports, late: lateOnes.file() };
}

async function build(directory) {
  const dist = join(directory, 'dist');
  const entries = entriesOf(directory);
  const written = new Set(writeDeclarations(directory, entries));
  const write = (file, text) => {
    writeFileSync(join(dist, file), text);
    written.add(file);
  };
  for (const entry of entries) {
    const [esm, cjs] = await Promise.all(['esm', 'cjs'].map((format) => bundle(directory, entry, format)));
    for (const file of [...esm.files, ...cjs.files]) written.add(join(dirname(entry), file));
    if (esm.late !== undefined) write(join(dirname(entry), 'late.cjs'), esm.late);
    // For Node that cannot require an ES module (22.0 to 22.11), and for Bun: `import` and `require` have to meet in one file.
    const name = entry.slice(entry.lastIndexOf('/') + 1);
    write(`${entry}.mjs`, `export { ${esm.names.join(', ')} } from './${name}.cjs';\n`);
  }
  for (const file of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const path = join(file.parentPath, file.name);
    if (file.isFile() && !written.has(relative(dist, path))) rmSync(path);
  }
  for (const file of readdirSync(join(directory, 'types'), { recursive: true })) {
    // tsc leaves declarations behind of files that are no more.
    const of = /^(.+)\.d\.ts(\.map)?$/.exec(file)?.[1];
    if (of !== undefined && !existsSync(join(directory, 'src', `${of}.ts`)))
      rmSync(join(directory, 'types', file));
  }
}

await Promise.all(readdirSync('packages').map((name) => build(join('packages', name))));
