// What is in the tarballs: the files that belong there, no dead links, nothing that Jest or a bundle could not load, and types for
// every way of resolving them.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { run } from '../run.mjs';

const bin = (name) => join('node_modules/.bin', name);

function fail(problems) {
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

/** Unpacks into `directory` and looks at all of it. */
export async function checkTarball(tarball, directory) {
  await run('tar', ['-xzf', tarball, '-C', directory, '--strip-components=1']);
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
  const problems = [];
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const wanted = [
    'README.md',
    'LICENSE',
    'dist/index.js',
    'dist/index.cjs',
    'dist/index.d.ts',
    'dist/index.d.cts',
  ];
  if (manifest.name === 'podwire') wanted.push('docs/options.md', 'config.schema.json');
  for (const file of wanted) if (!files.includes(file)) problems.push(`${file} is missing`);
  for (const file of files) {
    if (/\.test\.|tsbuildinfo/.test(file)) problems.push(`${file} does not belong there`);
    const text = readFileSync(join(directory, file), 'utf8');
    // Neither Jest nor a bundle of CommonJS has them.
    if (/\.[cm]?[jt]s$/.test(file) && /import\.meta|createRequire/.test(text))
      problems.push(`${file} has import.meta or createRequire`);
    if (file.endsWith('.md')) problems.push(...deadLinks(file, text, files));
  }
  for (const group of ['dependencies', 'peerDependencies'])
    for (const [name, range] of Object.entries(manifest[group] ?? {}))
      if (!range.startsWith('^')) problems.push(`${group}.${name} is ${range}, which is no range of ^`);
  fail(problems);
  await run(bin('publint'), ['--strict', tarball]);
  await run(bin('attw'), [tarball]);
}

function deadLinks(file, text, files) {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link.split('#')[0]);
  return links
    .filter((link) => link !== '' && !/^https?:/.test(link))
    .filter((link) => !files.includes(join(dirname(file), link)))
    .map((link) => `${file} links to ${link}, which is not packed`);
}
