// A program with everything, a provider too, in one file of each bundler, which runs in an empty folder.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build as rolldown } from 'rolldown';
import { installed } from '../installed.mjs';
import { run } from '../run.mjs';

const TOOLS = {
  esbuild: '0.28',
  webpack: '5',
  '@vercel/ncc': '0.45',
  rollup: '4',
  '@rollup/plugin-node-resolve': '16',
  '@rollup/plugin-commonjs': '29',
  '@rollup/plugin-json': '6',
};
/** What bundlers say of a package that most do not have, and of others' code. */
const KNOWN = /nacos|CIRCULAR_DEPENDENCY|THIS_IS_UNDEFINED/;

export async function bundleJobs(user) {
  const directory = await installed('bundlers', TOOLS);
  const need = createRequire(join(directory, 'package.json'));
  // An ES module that no bundler has to await.
  const text = readFileSync(join(user, 'by-import.mjs'), 'utf8').replace('await scenario', 'scenario');
  writeFileSync(join(user, 'bundled.mjs'), text);
  const onlyKnown = (message) => {
    if (!KNOWN.test(message)) throw new Error(message);
  };
  const bundlers = {
    async rolldown(input, file) {
      const onLog = (level, { code, message }) => level === 'warn' && onlyKnown(`${code} ${message}`);
      await rolldown({
        input,
        platform: 'node',
        output: { file, format: 'cjs', codeSplitting: false },
        onLog,
      });
    },
    async esbuild(input, file) {
      const esbuild = join(directory, 'node_modules/esbuild/bin/esbuild');
      await run(process.execPath, [esbuild, input, '--bundle', '--platform=node', `--outfile=${file}`]);
    },
    async webpack(entry, file) {
      const output = { path: join(file, '..'), filename: 'bundle.cjs' };
      const stats = await new Promise((resolve, reject) => {
        const done = (error, result) => (error ? reject(error) : resolve(result));
        const optimization = { minimize: false };
        need('webpack')(
          { mode: 'production', target: 'node', entry, context: user, output, optimization },
          done,
        );
      });
      for (const { message } of [...stats.toJson().errors, ...stats.toJson().warnings]) onlyKnown(message);
    },
    async rollup(input, file) {
      const plugin = (name) => need(`@rollup/plugin-${name}`).default ?? need(`@rollup/plugin-${name}`);
      const plugins = [
        plugin('node-resolve')({ preferBuiltins: true }),
        plugin('commonjs')(),
        plugin('json')(),
      ];
      const onwarn = ({ code, message }) => onlyKnown(`${code} ${message}`);
      const bundle = await need('rollup').rollup({ input, plugins, onwarn });
      await bundle.write({ file, format: 'cjs', inlineDynamicImports: true });
    },
    async ncc(input, file) {
      const ncc = join(directory, 'node_modules/@vercel/ncc/dist/ncc/cli.js');
      const out = join(file, '..', 'ncc');
      await run(process.execPath, [ncc, 'build', input, '--out', out], { cwd: user });
      const made = readdirSync(out).find((name) => /^index\.[cm]?js$/.test(name));
      writeFileSync(file.replace('.cjs', made.slice(5)), readFileSync(join(out, made)));
      rmSync(out, { recursive: true });
    },
  };
  const jobs = {};
  for (const [name, bundle] of Object.entries(bundlers))
    for (const input of ['bundled.mjs', ...(name === 'ncc' ? [] : ['by-require.cjs'])])
      jobs[`one file of ${name}, ${input === 'bundled.mjs' ? 'import' : 'require'}`] = async () => {
        const empty = mkdtempSync(join(tmpdir(), 'podwire-bundle-'));
        try {
          await bundle(join(user, input), join(empty, 'bundle.cjs'));
          const elsewhere = join(empty, 'elsewhere');
          mkdirSync(elsewhere);
          const made = readdirSync(empty).find((file) => /^bundle\.[cm]?js$/.test(file));
          await run(process.execPath, [join(empty, made)], { cwd: elsewhere });
        } finally {
          rmSync(empty, { recursive: true });
        }
      };
  return jobs;
}
