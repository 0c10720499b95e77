// How far a call walks through the sources: node test/walk/walk.mjs --help
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CLIENTS, walkOf } from './calls.mjs';
import { HOOK, instrument } from './instrument.mjs';

/** The files in the middle of a call's way, by the names that they had and by those that they have. */
const MIDDLE = [
  'call',
  'attempts',
  'attempt',
  'dispatcher',
  'side',
  'router',
  'call-runtime',
  'call-plan',
  'cluster',
  'new-call',
  'retries',
];

const HELP = `node test/walk/walk.mjs [root] [--client name …] [--middle names] [--trace] [--json]

Counts the functions of packages/*/src that one warmed unary call enters: three Pods, least_request, a deadline. An arrow function
without braces is not counted. "To and fro in the middle" are the changes from one of the files in the middle to another.

root       the workspace whose packages are counted; default: this one
--client   ${Object.keys(CLIENTS).join(' or ')}; default: both
--middle   the files of packages/client in the middle, by name, with commas; default:
           ${MIDDLE.join(',')}
--trace    prints each function that is entered
--json     prints the figures as JSON
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    client: { type: 'string', multiple: true, default: Object.keys(CLIENTS) },
    middle: { type: 'string', default: MIDDLE.join(',') },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const packageOf = (file) => file.split(/[\\/]/)[1];

/** How often the walk goes from one file to another, both of which `counts` takes. */
const changes = (files, counts = () => true) =>
  files.filter((file, i) => i > 0 && file !== files[i - 1] && counts(file) && counts(files[i - 1])).length;

function figures(walk, functions, middle) {
  const files = walk.map((index) => functions[index].file);
  const packages = {};
  for (const file of files) packages[packageOf(file)] = (packages[packageOf(file)] ?? 0) + 1;
  return {
    functions: walk.length,
    packages,
    files: new Set(files).size,
    changes: changes(files),
    middle: changes(files, (file) => packageOf(file) === 'client' && middle.includes(basename(file, '.ts'))),
  };
}

async function main() {
  if (values.help) return process.stdout.write(HELP);
  const unknown = values.client.find((name) => !(name in CLIENTS));
  if (unknown !== undefined) throw new Error(`${unknown} is not one of the clients: see --help`);
  globalThis[HOOK] = () => {};
  const root = resolve(positionals[0] ?? fileURLToPath(new URL('../..', import.meta.url)));
  const { podwire, functions, remove } = await instrument(root);
  const result = {};
  try {
    for (const name of values.client) {
      const walk = await walkOf(podwire, name);
      result[name] = figures(walk, functions, values.middle.split(','));
      if (values.trace)
        for (const index of walk) {
          const { file, line, name } = functions[index];
          console.log(`${file}:${line} ${name}`);
        }
    }
  } finally {
    remove();
  }
  if (values.json) console.log(JSON.stringify(result));
  else for (const [name, found] of Object.entries(result)) print(name, found);
}

function print(name, { functions, files, changes, middle, packages }) {
  const split = Object.entries(packages).map(([name, count]) => `${name} ${count}`);
  console.log(`${name}: ${functions} functions entered (${split.join(', ')}), ${files} files,
  ${changes} changes of file, ${middle} of them to and fro in the middle`);
}

await main();
