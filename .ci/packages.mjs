// Packs every package as it would be published, and checks what came out: publint, attw, and that it can be installed, imported,
// bundled and type-checked without the workspace.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'rolldown';
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
  run('node_modules/.bin/attw', [join(out, tarball)]);
}
const install = Object.fromEntries(tarballs.map((file) => [file, `file:${join(out, file)}`]));
const dependencies = { '@grpc/grpc-js': '*', '@types/node': '20' };
for (const [file, path] of Object.entries(install)) {
  const name = file.replace(/-\d.*$/, '').replace(/^podwire-/, '@podwire/');
  dependencies[name] = path;
}
const user = mkdtempSync(join(tmpdir(), 'podwire-user-'));
writeFileSync(join(user, 'package.json'), JSON.stringify({ type: 'module', private: true, dependencies }));
run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: user });
const names = Object.keys(dependencies).filter((name) => !name.startsWith('@types/'));
const script = `
for (const name of ${JSON.stringify(names)}) await import(name);
await import('@podwire/registry/testing');
await import('podwire/testing');
const { createChannel, InvalidInput } = await import('podwire');
const registry = await import('@podwire/registry');
if (InvalidInput !== registry.InvalidInput) throw new Error('InvalidInput exists twice');
if (registry.parseYaml('a: [1]').a[0] !== 1) throw new Error('YAML is not read');
await createChannel('static:///127.0.0.1:1').close({ graceMs: 0 });
`;
run(process.execPath, ['--input-type=module', '-e', script], { cwd: user });

const all = [...names, '@podwire/registry/testing', 'podwire/testing'];
const source = `${all.map((name, i) => `import * as _${i} from '${name}';`).join('\n')}
export const packages = [${all.map((_, i) => `_${i}`)}];\n`;

// Every declaration is checked, by a TypeScript that includes no types by itself.
writeFileSync(join(user, 'user.ts'), source);
const strict = [
  '--strict',
  '--exactOptionalPropertyTypes',
  '--noEmit',
  '--lib',
  'es2022',
  '--target',
  'es2022',
];
for (const [module, moduleResolution] of [
  ['node16', 'node16'],
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
]) {
  const as = ['--module', module, '--moduleResolution', moduleResolution];
  run(join(process.cwd(), 'node_modules/.bin/tsc'), [...strict, ...as, 'user.ts'], { cwd: user });
}

// In one file, away from all packages: nothing is looked for that need not be there.
writeFileSync(join(user, 'user.mjs'), source);
const bundle = join(out, 'bundle.cjs');
await build({
  input: join(user, 'user.mjs'),
  platform: 'node',
  output: { file: bundle, format: 'cjs' },
  onLog(_level, { code, message }) {
    if (code !== 'UNRESOLVED_IMPORT') return;
    console.error(message);
    process.exitCode = 1;
  },
});
run(process.execPath, [bundle]);

rmSync(out, { recursive: true, force: true });
rmSync(user, { recursive: true, force: true });
if (!process.exitCode)
  console.log(`${tarballs.length} packages pack, install, import, bundle and type-check`);
