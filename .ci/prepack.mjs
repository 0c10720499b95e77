// What each package runs before it is packed (`prepack`): refuses what would be published broken, and puts the documentation into
// the package that people install.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { env } from 'node:process';

/** For contributors: not packed. */
const CONTRIBUTORS = ['architecture.md', 'architecture.svg', 'testing.md'];

function refuse(why) {
  console.error(`${basename(process.cwd())} is not packed: ${why}`);
  process.exit(1);
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const targets = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(targets));
const missing = [...targets(manifest.exports), manifest.main, manifest.types].filter(
  (path) => !existsSync(path),
);
if (missing.length > 0) refuse(`${missing[0]} is missing. Run: npm run build`);

const changedMs = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.includes('.test.'))
    .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs);
if (Math.max(...changedMs('src')) > statSync('dist/index.js').mtimeMs)
  refuse('src/ is newer than dist/. Run: npm run build');

// npm would leave `workspace:^` as it stands, and then the package cannot be installed.
if (env.npm_config_user_agent?.startsWith('npm/')) refuse('pack it with pnpm');
if (env.npm_command === 'publish' && manifest.repository.url.includes('.example/'))
  refuse('the package.json of the workspace must name the repository first');

/** Links to what is packed stay; of others the words stay. */
function withoutDeadLinks(text, packed) {
  return text.replace(/\[([^\]]+)\]\(([^)\s]+)\)/g, (link, words, to) =>
    /^(https?:|#)/.test(to) || packed.includes(to.split('#')[0]) ? link : words,
  );
}

if (manifest.files.includes('docs')) {
  rmSync('docs', { recursive: true, force: true });
  mkdirSync('docs');
  const packed = readdirSync('../../docs').filter((file) => !CONTRIBUTORS.includes(file));
  for (const file of packed) {
    const bytes = readFileSync(join('../../docs', file));
    const isText = file.endsWith('.md');
    writeFileSync(join('docs', file), isText ? withoutDeadLinks(bytes.toString('utf8'), packed) : bytes);
  }
}
