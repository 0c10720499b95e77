import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podwire-bundle-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What a bundled program prints that reads JSON and YAML. */
async function read(format: 'esm' | 'cjs'): Promise<string[]> {
  const yaml = fileURLToPath(new URL('yaml.ts', import.meta.url));
  const input = join(directory, 'app.mjs');
  writeFileSync(
    input,
    `import { parseYaml } from ${JSON.stringify(yaml)};
for (const text of ['{"a": [1]}', 'a: [1]']) {
  try { console.log(JSON.stringify(parseYaml(text))); } catch (error) { console.log(error.message); }
}`,
  );
  const file = join(directory, `bundle.${format === 'esm' ? 'mjs' : 'cjs'}`);
  // As esbuild makes CommonJS.
  const transform = format === 'cjs' ? { define: { 'import.meta.url': 'undefined' } } : {};
  await build({ input, platform: 'node', output: { file, format }, transform, logLevel: 'silent' });
  const env = { ...process.env, NODE_PATH: '' };
  return execFileSync(process.execPath, [file], { encoding: 'utf8', env }).split('\n');
}

describe.each(['esm', 'cjs'] as const)('in a bundle of %s', (format) => {
  test('without the package beside it, JSON is read and YAML says what it needs', async () => {
    const [json, said] = await read(format);
    expect(json).toBe('{"a":[1]}');
    expect(said).toMatch(/^it is not JSON .* a bundle needs the package 'yaml' installed beside it$/);
  });

  test('with the package beside it, YAML is read', async () => {
    mkdirSync(join(directory, 'node_modules'));
    const yaml = dirname(createRequire(import.meta.url).resolve('yaml/package.json'));
    symlinkSync(yaml, join(directory, 'node_modules', 'yaml'));
    expect(await read(format)).toEqual(['{"a":[1]}', '{"a":[1]}', '']);
  });
});
