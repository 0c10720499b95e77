import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const packages = fileURLToPath(new URL('../packages', import.meta.url));

/** Which of our packages each one may import; nothing imports upwards. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  registry: ['@podwire/core'],
  balancer: ['@podwire/core', '@podwire/registry'],
  http2: ['@podwire/core'],
  routing: ['@podwire/core'],
  client: ['@podwire/core', '@podwire/registry', '@podwire/balancer', '@podwire/http2', '@podwire/routing'],
  'registry-nacos': ['@podwire/core', '@podwire/registry', '@podwire/http2'],
  'registry-kubernetes': ['@podwire/core', '@podwire/registry'],
  provider: ['@podwire/core', '@podwire/registry'],
};

function sources(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The files of the same package that a file imports from. */
function imports(file: string): string[] {
  const found = readFileSync(file, 'utf8').matchAll(/ from '(\.[^']+)';$/gm);
  return [...found].map(([, path]) => join(file, '..', path!));
}

describe('imports go one way', () => {
  test('every package has a rule', () => {
    expect(readdirSync(packages).sort()).toEqual(Object.keys(allowed).sort());
  });

  test.each(Object.entries(allowed))('%s', (name, may) => {
    const wrong: string[] = [];
    for (const file of sources(join(packages, name, 'src'))) {
      const forTests = /\.test\.ts$|\/testing\//.test(file);
      // Of a statement, which ends its line: an error's text may name a package to import.
      for (const [, from] of readFileSync(file, 'utf8').matchAll(/^[^`"]*\b(?:from|import) '([^']+)';$/gm)) {
        const ours = from === 'podwire' || from!.startsWith('@podwire/');
        const entry = from!.replace(/\/testing$/, '');
        const known = may.includes(forTests ? entry : from!);
        const escapes =
          from!.startsWith('.') && !join(file, '..', from!).startsWith(join(packages, name, 'src'));
        if ((ours && !known && !forTests) || escapes) wrong.push(`${file}: ${from}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('the world is taken from one place', () => {
  /** What fake timers replace, what is random, and the network: what a package takes of each, it takes in one file. */
  const WORLD = {
    time: /(?<![.\w#'])(?:set|clear)(?:Timeout|Immediate|Interval)\b(?![?:'])|queueMicrotask|\bprocess\.nextTick|\} = process\b|performance\b|Date\.now|new Date\(\)|hrtime|node:timers/,
    random: /\bMath\.random\b|\brandomInt\b|\bgetRandomValues\b/,
    net: /^(?!import type ).*'node:net'/,
    dns: /^(?!import type ).*'node:dns(?:\/promises)?'/,
  };

  const FILES: Readonly<Record<string, Partial<Record<keyof typeof WORLD, string>>>> = {
    core: { time: 'timers.ts', random: 'system-clock.ts', net: 'timers.ts' },
    registry: { net: 'node-net.ts', dns: 'dns/node-dns.ts' },
    balancer: { net: 'policies/pick-first.ts' },
    http2: { net: 'connection/dial.ts' },
    // The clock by which callers make their deadlines.
    client: { time: 'env.ts', net: 'cluster/names.ts' },
    'registry-nacos': { net: 'node-net.ts' },
    'registry-kubernetes': { net: 'node-net.ts' },
    provider: { net: 'pod-host.ts', time: 'process-usage.ts' },
  };

  test.each(Object.keys(allowed))('%s', (name) => {
    const root = join(packages, name, 'src');
    const wrong: string[] = [];
    const needed = new Set<string>();
    for (const file of sources(root)) {
      if (/\.test\.ts$|\/testing\//.test(file)) continue;
      for (const line of readFileSync(file, 'utf8').split('\n')) {
        if (/^\s*(?:\/?\*|\/\/)/.test(line)) continue;
        for (const [what, pattern] of Object.entries(WORLD)) {
          if (!pattern.test(line)) continue;
          if (relative(root, file) === FILES[name]?.[what as keyof typeof WORLD]) needed.add(what);
          else wrong.push(`${what}: ${file}: ${line.trim()}`);
        }
      }
    }
    expect(wrong).toEqual([]);
    expect([...needed].sort()).toEqual(Object.keys(FILES[name] ?? {}).sort());
  });
});

describe('folders of a package import one another in no circle', () => {
  /** The folder of a file below `src/`: the root is none, which puts the folders together. */
  const folderOf = (file: string, src: string) => relative(src, file).split('/').slice(0, -1)[0];

  /** Which folders each folder imports from. */
  function arrows(src: string): Map<string, Set<string>> {
    const found = new Map<string, Set<string>>();
    for (const file of sources(src)) {
      const from = folderOf(file, src);
      if (from === undefined || /\.test\.ts$|\/testing\//.test(file)) continue;
      const to = found.get(from) ?? new Set();
      found.set(from, to);
      for (const [, path] of readFileSync(file, 'utf8').matchAll(/ from '(\.[^']+)';$/gm)) {
        const folder = folderOf(join(file, '..', path!), src);
        if (folder !== undefined && folder !== from) to.add(folder);
      }
    }
    return found;
  }

  test.each(Object.keys(allowed))('%s', (name) => {
    const left = arrows(join(packages, name, 'src'));
    // A folder that imports from none that is left stands below them.
    for (let size = -1; size !== left.size; ) {
      size = left.size;
      for (const [folder, to] of left) if ([...to].every((one) => !left.has(one))) left.delete(folder);
    }
    expect(Object.fromEntries([...left].map(([folder, to]) => [folder, [...to]]))).toEqual({});
  });
});

describe('the folders of the client stand in one order', () => {
  /** Each may import from those before it on other lines; the files of `src/` itself that all may import lie below them. */
  const FLOORS = [
    ['files', 'headers', 'retry', 'observe'],
    ['options', 'pod'],
    ['watches'],
    ['cluster'],
    ['call', 'modes'],
    ['channel'],
    ['factory', 'clients', 'config'],
    ['testing'],
  ];
  const BELOW_ALL = ['env.ts', 'reasons.ts', 'process-ref.ts'];
  const src = join(packages, 'client/src');
  const floorOf = (folder: string) => FLOORS.findIndex((floor) => floor.includes(folder));

  test('every folder has its place', () => {
    const folders = readdirSync(src, { withFileTypes: true }).filter((one) => one.isDirectory());
    expect(folders.map(({ name }) => name).sort()).toEqual(FLOORS.flat().sort());
  });

  test('and imports from below', () => {
    const wrong: string[] = [];
    for (const file of sources(src)) {
      if (file.endsWith('.test.ts')) continue;
      const [folder = ''] = relative(src, file).split('/');
      for (const path of imports(file)) {
        const [to = ''] = relative(src, path).split('/');
        const isBelow = BELOW_ALL.includes(to) || floorOf(to) < floorOf(folder);
        // The public face, by which its tests' helper knows the client.
        const isFace = to === 'index.ts' && folder === 'testing';
        if (folder === to || folder === 'index.ts' || isBelow || isFace) continue;
        wrong.push(`${relative(src, file)} -> ${relative(src, path)}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('no files import one another in a circle, by their types either', () => {
  /** Two that describe each other, or one thing in two files: none of these imports a value in a circle. */
  const KNOWN = [
    'http2/src/connection/env.ts',
    'http2/src/transport.ts',
    'registry-nacos/src/options.ts',
    'registry-nacos/src/server.ts',
  ];

  test.each(Object.keys(allowed))('%s', (name) => {
    const isKnown = (file: string) => KNOWN.includes(relative(packages, file));
    const files = sources(join(packages, name, 'src')).filter(
      (file) => !/\.test\.ts$|\/testing\//.test(file),
    );
    const arrows = (file: string) => imports(file).filter((to) => !(isKnown(file) && isKnown(to)));
    const left = new Map(files.map((file) => [file, arrows(file)]));
    // A file that imports none that is left is in no circle.
    for (let size = -1; size !== left.size; ) {
      size = left.size;
      for (const [file, to] of left) if (!to.some((one) => left.has(one))) left.delete(file);
    }
    // Of those, one that no other imports only leads to a circle.
    for (let size = -1; size !== left.size; ) {
      size = left.size;
      const imported = new Set([...left.values()].flat());
      for (const file of [...left.keys()]) if (!imported.has(file)) left.delete(file);
    }
    expect([...left.keys()].map((file) => relative(packages, file))).toEqual([]);
  });
});

describe('files are short', () => {
  const MEDIAN_LINES = 70;
  const MOST_LINES = 300;
  /** At the head of a file that is longer, behind it why. */
  const REASON = /^\/\/ Long because \S/m;
  const HEAD_LINES = 3;

  const files = Object.keys(allowed)
    .flatMap((name) => sources(join(packages, name, 'src')))
    .filter((file) => !/\.test\.ts$|\/testing\//.test(file))
    .map((file) => {
      const text = readFileSync(file, 'utf8');
      const head = text.split('\n', HEAD_LINES).join('\n');
      const lines = text.trimEnd().split('\n').length;
      return { file: relative(packages, file), lines, hasReason: REASON.test(head) };
    })
    .sort((a, b) => a.lines - b.lines);

  test(`half of them have at most ${MEDIAN_LINES} lines`, () => {
    expect(files[Math.floor(files.length / 2)]!.lines).toBeLessThanOrEqual(MEDIAN_LINES);
  });

  const long = files.filter(({ lines }) => lines > MOST_LINES);

  test(`none has more than ${MOST_LINES} without "// Long because …" at its head`, () => {
    const without = long.filter(({ hasReason }) => !hasReason);
    expect(without.map(({ file, lines }) => `${file}: ${lines}`)).toEqual([]);
  });

  test('none has a reason that it needs no more', () => {
    const withReason = files.filter(({ hasReason }) => hasReason).map(({ file }) => file);
    const needless = withReason.filter((one) => !long.some(({ file }) => file === one));
    expect(needless).toEqual([]);
  });
});

describe('comments name the actor', () => {
  /** The caller, the Pod, the registry: CONTRIBUTING's rule for English. */
  const NAMELESS = /\b(?:whoever|nobody|somebody|who (?:asks|looks|waits|calls|wants))\b/i;

  test.each(Object.keys(allowed))('%s', (name) => {
    const wrong: string[] = [];
    for (const file of sources(join(packages, name, 'src')))
      for (const line of readFileSync(file, 'utf8').split('\n'))
        if (/^\s*(?:\/?\*|\/\/)/.test(line) && NAMELESS.test(line)) wrong.push(`${file}: ${line.trim()}`);
    expect(wrong).toEqual([]);
  });

  test('and so do titles of tests', () => {
    const TITLE = /^\s*(?:test|it|describe)(?:\.\w+)?\(\s*(['"`]).*\1,/;
    const files = [packages, fileURLToPath(new URL('.', import.meta.url))].flatMap((folder) =>
      sources(folder).filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules')),
    );
    const wrong: string[] = [];
    for (const file of files)
      for (const line of readFileSync(file, 'utf8').split('\n'))
        if (TITLE.test(line) && NAMELESS.test(line)) wrong.push(`${file}: ${line.trim()}`);
    expect(wrong).toEqual([]);
  });
});

describe("what a package's package.json says", () => {
  const read = (path: string) => JSON.parse(readFileSync(join(packages, path), 'utf8'));
  const root = read('../package.json');
  const versions = new Set(Object.keys(allowed).map((name) => read(`${name}/package.json`).version));

  test.each(Object.keys(allowed))("is the workspace's, where it is not its own: %s", (name) => {
    const manifest = read(`${name}/package.json`);
    expect(manifest).toMatchObject({
      license: root.license,
      engines: root.engines,
      repository: { ...root.repository, directory: `packages/${name}` },
      publishConfig: { access: 'public' },
      scripts: { prepack: 'node ../../.ci/prepack.mjs' },
      type: 'module',
      main: './dist/index.cjs',
      types: './dist/index.d.cts',
    });
    expect([...versions]).toEqual([manifest.version]);
  });

  test.each(Object.keys(allowed))(
    'has every entry in both formats, and ranges for what it needs: %s',
    (name) => {
      const { exports, dependencies = {}, peerDependencies = {} } = read(`${name}/package.json`);
      for (const [entry, target] of Object.entries(exports)) {
        if (typeof target === 'string') continue;
        const file = entry === '.' ? 'index' : `${entry.slice(2)}/index`;
        const [esm, cjs] = [`./dist/${file}.js`, `./dist/${file}.cjs`];
        expect(target).toEqual({
          types: { import: `./dist/${file}.d.ts`, require: `./dist/${file}.d.cts` },
          'module-sync': esm,
          module: esm,
          node: { import: `./dist/${file}.mjs`, require: cjs },
          import: esm,
          require: cjs,
        });
        // For tools that resolve without `exports`.
        if (entry !== '.')
          expect(read(`${name}/${entry}/package.json`)).toEqual({
            main: `../dist/${file}.cjs`,
            types: `../dist/${file}.d.cts`,
          });
      }
      for (const range of Object.values({ ...dependencies, ...peerDependencies }))
        expect(range).toMatch(/^(workspace:)?\^/);
    },
  );
});
