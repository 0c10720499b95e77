import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { tlsFromFiles } from './from-files.ts';

const certs = fileURLToPath(new URL('../../../../test/certs/', import.meta.url));

test('a file that cannot be used changes nothing, and is told of once for each fault', () => {
  const directory = mkdtempSync(join(tmpdir(), 'podwire-tls-'));
  const caFile = join(directory, 'ca.pem');
  copyFileSync(join(certs, 'ca-one.pem'), caFile);
  const problems: string[] = [];
  const material = tlsFromFiles({ caFile }, (problem) => problems.push(problem));
  const before = material().ca;
  writeFileSync(caFile, 'half of');
  expect([material().ca, material().ca]).toEqual([before, before]);
  expect(problems).toEqual([
    expect.stringMatching(/^TLS goes on with what was read before: .*ca\.pem holds no PEM certificate/),
  ]);
  rmSync(caFile);
  expect([material().ca, material().ca]).toEqual([before, before]);
  expect(problems.slice(1)).toEqual([expect.stringContaining('ENOENT')]);
  copyFileSync(join(certs, 'ca-two.pem'), caFile);
  expect(material().ca).not.toEqual(before);
  rmSync(caFile);
  material();
  expect(problems).toHaveLength(3);
  rmSync(directory, { recursive: true });
});
