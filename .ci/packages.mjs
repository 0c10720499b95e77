// Packs every package as it would be published, and checks what came out: publint, attw, and that it can be installed and
// imported without the workspace.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNPM } from './pnpm.mjs';

const out = mkdtempSync(join(tmpdir(), 'podwire-pack-'));

function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (status === 0) return stdout;
  console.error(`${command} ${args.join(' ')}\n${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`);
  process.exitCode = 1;
  return '';
}

for (const name of readdirSync('packages')) {
  const cwd = join('packages', name);
  run('npx', ['--yes', PNPM, 'pack', '--pack-destination', out], { cwd });
}
const tarballs = readdirSync(out).filter((file) => file.endsWith('.tgz'));
for (const tarball of tarballs) {
  const files = run('tar', ['-tzf', join(out, tarball)]).split('\n');
  const wanted = ['README.md', 'LICENSE', ...(/^podwire-\d/.test(tarball) ? ['docs/options.md'] : [])];
  for (const file of wanted.map((name) => `package/${name}`)) {
    if (files.includes(file)) continue;
    console.error(`${tarball} has no ${file}`);
    process.exitCode = 1;
  }
  run('node_modules/.bin/publint', ['--strict', join(out, tarball)]);
  // ESM only: what CommonJS would see is no question.
  run('node_modules/.bin/attw', [
    join(out, tarball),
    '--profile',
    'esm-only',
    '--exclude-entrypoints',
    'config.schema.json',
  ]);
}
const install = Object.fromEntries(tarballs.map((file) => [file, `file:${join(out, file)}`]));
const dependencies = { '@grpc/grpc-js': '*' };
for (const [file, path] of Object.entries(install)) {
  const name = file.replace(/-\d.*$/, '').replace(/^podwire-/, '@podwire/');
  dependencies[name] = path;
}
const user = mkdtempSync(join(tmpdir(), 'podwire-user-'));
writeFileSync(join(user, 'package.json'), JSON.stringify({ type: 'module', private: true, dependencies }));
run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: user });
const script = `
for (const name of ${JSON.stringify(Object.keys(dependencies))}) await import(name);
await import('@podwire/registry/testing');
const { createChannel, InvalidInput } = await import('podwire');
const registry = await import('@podwire/registry');
if (InvalidInput !== registry.InvalidInput) throw new Error('InvalidInput exists twice');
if (registry.parseYaml('a: [1]').a[0] !== 1) throw new Error('YAML is not read');
await createChannel('static:///127.0.0.1:1').close({ graceMs: 0 });
`;
run(process.execPath, ['--input-type=module', '-e', script], { cwd: user });
rmSync(out, { recursive: true, force: true });
rmSync(user, { recursive: true, force: true });
if (!process.exitCode) console.log(`${tarballs.length} packages pack, install and import`);
