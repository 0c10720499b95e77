import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { expect, test } from 'vitest';

test('in a bundle without the package beside it, JSON is read and YAML says what it needs', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'podwire-bundle-'));
  try {
    const yaml = fileURLToPath(new URL('yaml.ts', import.meta.url));
    const input = join(directory, 'app.mjs');
    writeFileSync(
      input,
      `import { parseYaml } from ${JSON.stringify(yaml)};
for (const text of ['{"a": [1]}', 'a: [1]']) {
  try { console.log(JSON.stringify(parseYaml(text))); } catch (error) { console.log(error.message); }
}`,
    );
    const file = join(directory, 'bundle.mjs');
    await build({ input, platform: 'node', output: { file, format: 'esm' }, logLevel: 'silent' });
    const [json, said] = execFileSync(process.execPath, [file], {
      encoding: 'utf8',
      env: { ...process.env, NODE_PATH: '' },
    }).split('\n');
    expect(json).toBe('{"a":[1]}');
    expect(said).toMatch(/^it is not JSON .* a bundle needs the package 'yaml' installed beside it$/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
