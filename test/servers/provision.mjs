// Gets the real servers into the cache: node test/servers/provision.mjs [name…]
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { catalogue, directoryOf } from './catalogue.mjs';

const names = process.argv.slice(2);
const known = Object.keys(catalogue);
if (names.includes('--help')) {
  console.log(
    `usage: node test/servers/provision.mjs [name…]\n\nservers: ${known.join(', ')}\nPODWIRE_CACHE says where they are kept.`,
  );
  process.exit();
}
const unknown = names.find((name) => !known.includes(name));
if (unknown !== undefined) {
  console.error(`unknown server '${unknown}'; known are: ${known.join(', ')}`);
  process.exit(2);
}

for (const name of names.length > 0 ? names : known) {
  const directory = directoryOf(name);
  if (existsSync(directory)) {
    console.log(`${name} ${catalogue[name].version}: in the cache`);
    continue;
  }
  const startedMs = performance.now();
  console.log(`${name} ${catalogue[name].version}: installing`);
  // Into place when it is whole: a run that was broken off leaves nothing that looks installed.
  const draft = `${directory}.${process.pid}`;
  mkdirSync(dirname(directory), { recursive: true });
  mkdirSync(draft);
  try {
    catalogue[name].install(draft);
    if (!existsSync(directory)) renameSync(draft, directory);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  console.log(`${name}: ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`);
}
