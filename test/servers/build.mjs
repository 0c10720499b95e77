// @ts-check
// The package clients that build servers. Each takes its registry from the machine's own configuration.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @param {string} command @param {readonly string[]} args @param {import('node:child_process').SpawnSyncOptions} options */
export function run(command, args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    ...options,
  });
  if (error !== undefined) throw new Error(`${command} cannot be run: is it installed?`, { cause: error });
  if (status === 0) return String(stdout);
  const last = `${stdout}${stderr}`.trim().split('\n').slice(-20).join('\n');
  throw new Error(`${command} ${args.join(' ')}: exit code ${status}\n${last}`);
}

/**
 * Builds one program of a Go module whose go.sum is in the source folder.
 * @param {string} source @param {string} output @param {string} [target] a package; the module's own by default
 * @param {Readonly<Record<string, string>>} [variables] strings set at link time
 */
export function goBuild(source, output, target = '.', variables = {}) {
  const link = Object.entries(variables).map(([name, value]) => `-X ${name}=${value}`);
  const flags = [
    '-trimpath',
    '-mod=readonly',
    '-gcflags=all=-dwarf=false',
    '-ldflags',
    ['-s', '-w', ...link].join(' '),
  ];
  run('go', ['build', ...flags, '-o', output, target], {
    cwd: source,
    // GOGC=400: the compiler runs about a tenth cheaper with a lazier collector.
    env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOGC: '400' },
  });
}

/** Where a required module's files are. @param {string} source @param {string} module @returns {string} */
export function goModuleDirectory(source, module) {
  return run('go', ['list', '-m', '-f', '{{.Dir}}', module], { cwd: source }).trim();
}

const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';

/** Copies what the source folder's pom.xml depends on to `lib/`; a wrong checksum fails. @param {string} source @param {string} output */
export function mavenLibraries(source, output) {
  const work = mkdtempSync(join(output, 'maven-'));
  writeFileSync(join(work, 'pom.xml'), readFileSync(join(source, 'pom.xml')));
  run('mvn', [
    ...['-q', '-B', '--strict-checksums', '-Dstyle.color=never', '-f', join(work, 'pom.xml')],
    ...[COPY, `-DoutputDirectory=${join(output, 'lib')}`, '-DincludeScope=runtime'],
  ]);
  rmSync(work, { recursive: true });
}

/** Installs what requirements.txt names with its hashes, without what that would depend on. @param {string} source @param {string} output */
export function pipInstall(source, output) {
  const list = join(source, 'requirements.txt');
  run('python3', [
    ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--require-hashes'],
    ...['--target', output, '-r', list],
  ]);
  if (!existsSync(output)) throw new Error(`pip installed nothing of ${list}`);
}

/** Where the source files of a Rust package that Cargo.lock names with its checksum are put. @param {string} source @param {string} output @param {string} name */
export function cargoSources(source, output, name) {
  const vendored = mkdtempSync(join(output, 'vendored-'));
  run('cargo', ['vendor', '--locked', '--quiet', vendored], { cwd: source });
  return { directory: join(vendored, name), remove: () => rmSync(vendored, { recursive: true }) };
}
