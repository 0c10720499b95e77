// Plays the promises of docs/reliability.md: faults of real processes and networks, podwire and grpc-js under the same load.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { awaited } from './awaited.mjs';
import { rows } from './rows.mjs';
import { formatMarkdown, formatTable, HEAD } from './table.mjs';

const HELP = `usage: npm run promises [-- <id>… options]

  <id>…       rows to play, such as G4; the default is all
  --long      faults as long as promised, one row at a time, and a table in Markdown; without it they last seconds
  --alone     one row at a time, on a machine that has other work
  --times N   play each so many times; every time counts (1)
  --why       print the commonest failures of each client
  --json      print the results as JSON
  --help

Rows: ${[...new Set(rows.map(({ id }) => id))].join(' ')}

Exits 1 when a promise is broken that is not awaited (test/promises/awaited.mjs).
`;
const sandbox = fileURLToPath(new URL('../servers/sandbox.mjs', import.meta.url));
const play = fileURLToPath(new URL('play.mjs', import.meta.url));

/** Rows play side by side, each in its own namespaces, while their calls a second together are fewer: two cores carry so many. */
const CALLS_PER_SECOND = 2_500;
const AT_ONCE = 4;
const LIMIT_MS = 300_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    long: { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false },
    times: { type: 'string', default: '1' },
    why: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const unknown = positionals.find((id) => !rows.some((row) => row.id === id));
if (values.help || unknown !== undefined) {
  process.stdout.write(unknown === undefined ? HELP : `there is no row '${unknown}'\n\n${HELP}`);
  process.exit(values.help ? 0 : 2);
}

/** Calls a second of all its clients. */
const costOf = ({ loads, kinds, apart }) =>
  loads.reduce(
    (sum, { perSecond, peer }) => sum + [perSecond].flat()[0] * (kinds || apart || peer ? 1 : 2),
    0,
  );

/** Plays a row in namespaces of its own; resolves to its lines. */
function playOne(row) {
  return new Promise((resolve) => {
    const child = spawn(
      process.execPath,
      [sandbox, process.execPath, play, row.key, ...(values.long ? ['--long'] : [])],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let out = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      errors += text;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS + (values.long ? LIMIT_MS * 3 : 0));
    child.once('close', (code) => {
      clearTimeout(timer);
      try {
        resolve(JSON.parse(out.trim().split('\n').at(-1)));
      } catch {
        const why = /^\w*(?:Error|InvalidInput): .*$/m.exec(errors)?.[0] ?? errors.trim().slice(-300);
        const what = `did not end well (${code}): ${why}`;
        resolve({
          lines: [{ id: row.id, what, limit: '', podwire: '', 'grpc-js': '', kept: false }],
          failures: [],
        });
      }
    });
  });
}

/** Plays all, the dear ones first and cheap ones beside them, and calls `ended` with each. */
async function playAll(wanted, ended) {
  const left = [...wanted].sort((a, b) => costOf(b) - costOf(a));
  const running = new Map();
  while (left.length > 0 || running.size > 0) {
    const used = [...running.keys()].reduce((sum, row) => sum + costOf(row), 0);
    const fits = (row) =>
      running.size === 0 ||
      (!values.long && !values.alone && !row.alone && used + costOf(row) <= CALLS_PER_SECOND);
    const mayStart = running.size < AT_ONCE && ![...running.keys()].some(({ alone }) => alone);
    const next = mayStart ? left.findIndex(fits) : -1;
    if (next < 0) {
      await Promise.race(running.values());
      continue;
    }
    const [row] = left.splice(next, 1);
    running.set(
      row,
      playOne(row).then((result) => {
        running.delete(row);
        ended(row, result);
      }),
    );
  }
}

const isAwaited = ({ id, key, what }) => [id, key, `${key} ${what}`].some((name) => awaited.includes(name));
const verdict = (line) => {
  if (line.kept) return isAwaited(line) ? 'kept (awaited no more?)' : 'kept';
  return isAwaited(line) ? 'broken (not built)' : 'BROKEN';
};

const wanted = rows.filter(({ id }) => positionals.length === 0 || positionals.includes(id));
const results = [];
const startedMs = performance.now();
for (let time = 0; time < Number(values.times); time++) {
  await playAll(wanted, (row, result) => {
    results.push({ row, ...result });
    if (!values.json)
      process.stderr.write(
        `${((performance.now() - startedMs) / 1_000).toFixed(0).padStart(4)} s  ${row.key}\n`,
      );
  });
}
const order = (row) => rows.indexOf(row);
results.sort((a, b) => order(a.row) - order(b.row));

/** G3 is of all rows: the Pods' logs by the calls' ids. */
function runTwice() {
  const sum = (kind, key) => results.reduce((total, { twice }) => total + (twice?.[kind][key] ?? 0), 0);
  const said = (kind) => `${sum(kind, 'twice')} of ${sum(kind, 'calls')}`;
  const what = 'calls run twice without a retry policy';
  const kept = sum('podwire', 'twice') === 0;
  return {
    id: 'G3',
    fault: 'all rows',
    what,
    limit: '≤ 0',
    podwire: said('podwire'),
    'grpc-js': said('grpc-js'),
    kept,
  };
}

const lines = [
  ...results.flatMap(({ row, lines }) => lines.map((line) => ({ ...line, key: row.key, fault: row.fault }))),
  runTwice(),
];
for (const line of lines) line.verdict = verdict(line);
const broken = lines.filter((line) => line.verdict === 'BROKEN');
if (values.json) console.log(JSON.stringify({ lines, broken: broken.length }, undefined, 2));
else {
  console.log(`${HEAD}\n\n${values.long ? formatMarkdown(lines) : formatTable(lines)}\n`);
  if (values.why) for (const { row, failures } of results) console.log([row.key, ...failures].join('\n  '));
  const awaiting = lines.filter(({ kept }) => !kept).length - broken.length;
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
  console.log(
    `${lines.filter(({ kept }) => kept).length} kept, ${broken.length} broken, ${awaiting} not built; ${seconds} s`,
  );
}
process.exit(broken.length === 0 ? 0 : 1);
